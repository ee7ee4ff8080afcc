"""A real server of the web app in a thread, clients of it, and a stand-in for the process that does the work."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from maquette.web import workers
from maquette.web.limits import ServeOptions
from maquette.web.serve import prepared

GLB = b"glTF stands for a model"
PAGE = "<!doctype html><title>stand-in</title>"


def work() -> None:
    """What the stand-in process does, by the name of its first photo."""
    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    name = order["photos"][0].split(".")[0]

    def say(**words):
        print(json.dumps(words), flush=True)

    say(of=name, stage="reading")
    if name == "slow":
        time.sleep(600)
    if name == "crash":
        sys.exit(7)
    if name == "noise":
        print("no JSON", flush=True)
    if name == "hungry":
        filled = bytearray(400 << 20)
        time.sleep(600 + filled[0])
    if name == "broken":
        say(failed="broken.jpg: not an image: wanted a photo")
        say(end=2)
        return
    folder = Path(order["out"]) / name / "face-1"
    folder.mkdir(parents=True)
    contents = {"head.glb": GLB, "view.html": PAGE.encode(), "report.json": json.dumps(order).encode()}
    for file, data in contents.items():
        (folder / file).write_bytes(data)
    files = [f"{name}/face-1/{file}" for file in contents]
    say(of=name, stage="face-1 writing")
    say(
        done={
            "photos": order["photos"],
            "subject": "face-1",
            "folder": f"{name}/face-1",
            "files": files,
            "warnings": ["dark"],
        }
    )
    say(end=0)


class Client:
    """One browser: its cookies, and requests as a page of ours makes them."""

    def __init__(self, address: str) -> None:
        self.host, self.cookies = urlsplit(address).netloc, {}

    def ask(self, method, path, body=None, **headers):
        """(status, headers, content); header names with _ for -."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("set-cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers, content

    def open(self):
        """Load the page."""
        assert self.ask("GET", "/")[0] == 200
        return self

    def json(self, method, path, body=None, status=200):
        got, _, content = self.ask(method, path, None if body is None else json.dumps(body))
        assert got == status, content
        return json.loads(content)

    def send(self, name="me.jpg", data=b"photo"):
        """Upload; the id."""
        status, _, content = self.ask("POST", f"/api/uploads?name={name}", data)
        assert status == 201, content
        return json.loads(content)["id"]

    def order(self, *names, kind="face", **settings):
        """Upload and begin a job."""
        body = {"kind": kind, "uploads": [self.send(name) for name in names], "settings": settings}
        return self.json("POST", "/api/jobs", body, 201)

    def job(self, own):
        return next((job for job in self.json("GET", "/api/jobs") if job["id"] == own), None)

    def wait(self, own, *states, seconds=20):
        """The job, once it is in one of these states."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.job(own)
            if job is None or job["state"] in states:
                return job
            time.sleep(0.02)
        raise AssertionError(f"{job} is not {states}")


@contextmanager
def serving(folder, **options):
    """The address of a server that runs meanwhile."""
    server, door, address = prepared(ServeOptions(folder=str(folder), port=0, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        door.close()


@pytest.fixture
def stand_in(monkeypatch):
    """The work is done by `work`, in a process of its own."""
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-P", __file__))


@pytest.fixture
def server(stand_in, tmp_path):
    """A running server's address."""
    with serving(tmp_path / "served") as address:
        yield address


@pytest.fixture
def client(server):
    """A browser that has opened the page."""
    return Client(server).open()


if __name__ == "__main__":
    work()
