"""The web app: its routes. Everything that is asked for by name is looked up in a table of ours, never on the disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from maquette.core.errors import BadInput
from maquette.core.options import options_from
from maquette.outputs.viewer.page import rules as viewer_rules
from maquette.web.archive import zipped
from maquette.web.guard import Guard, refused
from maquette.web.jobs import UNFINISHED, WAITING, JobStore, WebJob, new_id
from maquette.web.kinds import KINDS, form, settings
from maquette.web.limits import ServeOptions
from maquette.web.uploads import Uploads, file_names
from maquette.web.workers import Workers

LARGEST_JSON = 1 << 16  # bytes
SWEPT_S = 60.0
VIEW = "view.html"
ASSETS = {
    "look.css": ("text/css", "outputs/viewer/data"),
    "app.css": ("text/css", "web/data"),
    "app.js": ("text/javascript", "web/data"),
    "form.js": ("text/javascript", "web/data"),
    "camera.js": ("text/javascript", "web/data"),
    "elements.js": ("text/javascript", "web/data"),
    "icon.svg": ("image/svg+xml", "web/data"),
}
Endpoint = Callable[["Pages", Request], Awaitable[Response]]


def asset(name: str, folder: str = "web/data") -> bytes:
    """A file of the package."""
    return (files("maquette") / folder / name).read_bytes()


def one_line(endpoint: Endpoint) -> Endpoint:
    """Errors that a user can mend as one line of JSON."""

    @wraps(endpoint)
    async def answer(self: Pages, request: Request) -> Response:
        try:
            return await endpoint(self, request)
        except BadInput as error:
            return refused(400, str(error))
        except ClientDisconnect:
            return refused(400, "The connection ended.")

    return answer


class Pages:
    """What each address answers."""

    def __init__(self, options: ServeOptions, store: JobStore) -> None:
        """Serve the jobs of one store."""
        self.options, self.store = options, store
        self.workers = Workers(store, options)
        self.uploads = Uploads(store.folder / "uploads", options.max_upload * 1e6)
        self.guard: Guard | None = None

    def routes(self) -> list[Route]:
        """All addresses."""
        job = "/api/jobs/{id:str}"
        return [
            Route("/", self.page),
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/assets/{name}", self.asset),
            Route("/api/state", self.state),
            Route("/api/uploads", self.upload, methods=["POST"]),
            Route("/api/uploads/{id}", self.drop, methods=["DELETE"]),
            Route("/api/jobs", self.jobs),
            Route("/api/jobs", self.create, methods=["POST"]),
            Route(job, self.remove, methods=["DELETE"]),
            Route(f"{job}/cancel", self.cancel, methods=["POST"]),
            Route(f"{job}/zip", self.zip),
            Route(f"{job}/files/{{name:path}}", self.file),
            Route("/view/{id}/{number:int}", self.view),
        ]

    @asynccontextmanager
    async def life(self, _: Starlette) -> AsyncIterator[None]:
        """Workers and the sweeping begin and end with the server."""
        await self.workers.start()
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            await self.workers.stop()
            self.store.close()

    async def _sweep(self) -> None:
        while True:
            self.uploads.sweep()
            await run_in_threadpool(self.store.sweep)
            await asyncio.sleep(SWEPT_S)

    async def page(self, _: Request) -> Response:
        """The app."""
        return Response(asset("index.html"), media_type="text/html")

    async def login(self, request: Request) -> Response:
        """The form that takes the token, and its answer."""
        assert self.guard is not None
        page = asset("login.html").decode()
        if request.method == "GET":
            return Response(page.replace("{remark}", ""), media_type="text/html")
        body = (await _limited(request)).decode("utf-8", "replace")
        token = dict(_pairs(body)).get("token", "")
        cookie = self.guard.admission(token, request.headers)
        if cookie is None:
            return Response(page.replace("{remark}", "That is not the token."), 401, media_type="text/html")
        return Response(status_code=303, headers={"Location": "/", "Set-Cookie": cookie})

    async def asset(self, request: Request) -> Response:
        """A style, a script or a picture of the app."""
        found = ASSETS.get(request.path_params["name"])
        if found is None:
            return refused(404, "No such page.")
        kind, folder = found
        return Response(asset(request.path_params["name"], folder), media_type=kind)

    async def state(self, _: Request) -> Response:
        """Kinds with their forms, and limits."""
        kinds = [
            {
                "name": kind.name, "title": kind.title, "words": kind.words, "accept": kind.accept,
                "least": kind.least, "most": kind.most or self.options.max_photos, "form": form(kind),
            }
            for kind in KINDS.values()
        ]  # fmt: skip
        limits = {"upload": self.options.max_upload * 1e6, "keep_hours": self.options.keep}
        return JSONResponse({"kinds": kinds, "limits": limits})

    @one_line
    async def upload(self, request: Request) -> Response:
        """One file: its bytes as the body, its name in the address."""
        owner = _owner(request)
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.uploads.most_bytes:
            raise BadInput(f"The file is larger than {self.options.max_upload:g} MB: make it smaller.")
        await run_in_threadpool(self.store.refuse_full)
        upload = await self.uploads.receive(owner, request.query_params.get("name", ""), request.stream())
        return JSONResponse({"id": upload.id, "name": upload.name, "bytes": upload.size}, 201)

    @one_line
    async def drop(self, request: Request) -> Response:
        """Take a file back."""
        self.uploads.drop(_owner(request), request.path_params["id"])
        return JSONResponse({})

    async def jobs(self, request: Request) -> Response:
        """The jobs of this browser."""
        waiting = [job.id for job in self.store.waiting()]
        return JSONResponse([self._public(job, waiting) for job in self.store.of(request.scope["maquette.owner"])])

    @one_line
    async def create(self, request: Request) -> Response:
        """A job of files that were sent before: {"kind": ..., "uploads": [ids], "settings": {...}}."""
        owner, wanted = _owner(request), await _json(request)
        kind, ids = KINDS.get(str(wanted.get("kind"))), wanted.get("uploads")
        if kind is None or not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise BadInput("wanted a kind and a list of files")
        if not isinstance(wanted.get("settings", {}), dict):
            raise BadInput("settings: wanted names and values")
        most = kind.most or self.options.max_photos
        if not kind.least <= len(set(ids)) <= most:
            wanted_files = f"{kind.least} to {most} files" if most > 1 else "one file"
            raise BadInput(f"{kind.title}: wanted {wanted_files}, got {len(set(ids))}")
        chosen = settings(kind, wanted.get("settings", {}))
        options_from(**chosen)
        self.workers.refuse_full()
        taken = self.uploads.take(owner, ids)
        names = [one.name for one in taken]
        job = WebJob(new_id(), owner, kind.name, chosen, names, file_names(names))
        self.store.create(job, [one.path for one in taken])
        self.workers.wake()
        return JSONResponse(self._public(job, [one.id for one in self.store.waiting()]), 201)

    @one_line
    async def cancel(self, request: Request) -> Response:
        """End a job."""
        self.workers.cancel(self._mine(request))
        return JSONResponse({})

    @one_line
    async def remove(self, request: Request) -> Response:
        """Delete a job and all its files."""
        job = self._mine(request)
        if job.state in UNFINISHED:
            raise BadInput("It is not finished: cancel it first.")
        await run_in_threadpool(self.store.remove, job)
        return JSONResponse({})

    @one_line
    async def zip(self, request: Request) -> Response:
        """All files of a job."""
        job = self._mine(request)
        found = self.store.files(job)
        if not found:
            raise BadInput("There is nothing to download.")
        return StreamingResponse(
            zipped(found), media_type="application/zip", headers=_saved_as(f"maquette-{job.kind}.zip")
        )

    @one_line
    async def file(self, request: Request) -> Response:
        """One file of a job."""
        found = self.store.files(self._mine(request)).get(request.path_params["name"])
        if found is None:
            raise BadInput("There is no such file.")
        rules = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=3600"}
        return FileResponse(found, headers={**_saved_as(found.name), **rules})

    @one_line
    async def view(self, request: Request) -> Response:
        """The viewer's page of one result: shown in a frame of its own origin, which reaches nothing here."""
        job, number = self._mine(request), request.path_params["number"]
        folder = job.results[number]["folder"] if number < len(job.results) else ""
        found = self.store.files(job).get(f"{folder}/{VIEW}")
        if found is None:
            raise BadInput("This result has no page.")
        rules = f"{viewer_rules()}; sandbox allow-scripts allow-downloads; frame-ancestors 'self'"
        return FileResponse(found, media_type="text/html", headers={"Content-Security-Policy": rules})

    def _mine(self, request: Request) -> WebJob:
        job = self.store.jobs.get(request.path_params["id"])
        if job is None or job.owner != _owner(request):
            raise BadInput("There is no such job: it may have been removed.")
        return job

    def _public(self, job: WebJob, waiting: list[str]) -> dict[str, Any]:
        keep = ("id", "kind", "state", "note", "names", "stages", "failures", "created", "begun", "ended", "settings")
        place = waiting.index(job.id) + 1 if job.state == WAITING and job.id in waiting else 0
        sizes = self.store.sizes(job) if job.ended else {}
        rows = [
            {
                "folder": row["folder"], "subject": row["subject"], "warnings": row["warnings"],
                "files": [{"name": name, "bytes": sizes[name]} for name in _own(row) if name in sizes],
                "bytes": sum(sizes.get(name, 0) for name in row["files"]),
            }
            for row in job.results
        ]  # fmt: skip
        return {**{name: getattr(job, name) for name in keep}, "place": place, "results": rows}


def web_app(options: ServeOptions, store: JobStore) -> Guard:
    """The whole app, guarded; an ASGI app."""
    pages = Pages(options, store)
    inner = Starlette(routes=pages.routes(), lifespan=pages.life)
    pages.guard = Guard(inner, options)
    return pages.guard


def _owner(request: Request) -> str:
    owner = request.scope["maquette.owner"]
    if not owner:
        raise BadInput("Open the page first: this browser has no cookie of it.")
    return owner


def _own(row: dict[str, Any]) -> list[str]:
    """The files of a result without those in folders of its own, as the thousands of a clip's frames."""
    return [name for name in row["files"] if name.rpartition("/")[0] == row["folder"]]


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


async def _limited(request: Request) -> bytes:
    """A small body.

    Raises:
        BadInput: it is larger.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_JSON:
            raise BadInput("The request is too large.")
    return body


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await _limited(request))
    except (ValueError, RecursionError) as error:
        raise BadInput("wanted JSON") from error
    if not isinstance(found, dict):
        raise BadInput("wanted a JSON object")
    return found


def _pairs(body: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(body, max_num_fields=8)
