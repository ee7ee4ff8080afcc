"""Jobs and their folder: `jobs/<id>/job.json`, `in/` until the work has ended, `out/` with the results."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole

WAITING, WORKING, DONE, FAILED, CANCELLED, LOST = "waiting", "working", "done", "failed", "cancelled", "lost"
UNFINISHED = (WAITING, WORKING)
RECORD, LARGEST_RECORD = "job.json", 1 << 24
MOST_STAGES = 400  # kept of one job: clips report each second


@dataclass
class WebJob:
    """One job.

    Attributes:
        id: random; its folder's name.
        owner: digest of the browser's secret.
        kind: a row of `kinds.KINDS`.
        settings: flat options.
        names: what the files were called, for the eye only.
        files: what they are called in the folder.
        state: waiting, working, done (with one result at least), failed, cancelled, or lost with its server.
        note: one line on why it is not done.
        stages: [what, seconds since it began] of each stage that began.
        results: rows of the summary.
        failures: one line each.
        created, begun, ended: seconds since 1970; 0 not yet.
    """

    id: str
    owner: str
    kind: str
    settings: dict[str, Any]
    names: list[str]
    files: list[str]
    state: str = WAITING
    note: str = ""
    stages: list[tuple[str, float]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    created: float = field(default_factory=time)
    begun: float = 0.0
    ended: float = 0.0

    def stage(self, text: str) -> None:
        """Note that a stage begins; of many the last are kept."""
        self.stages.append((text[:200], round(time() - self.begun, 2)))
        del self.stages[:-MOST_STAGES]


class JobStore:
    """All jobs of one folder; one server at a time."""

    def __init__(self, folder: Path, keep_seconds: float, most_bytes: float) -> None:
        """Open the folder, made if absent, for its owner alone; what was in work when the last server ended is lost.

        Raises:
            BadInput: it cannot be written, or another server uses it.
        """
        self.folder, self.keep_seconds, self.most_bytes = folder, keep_seconds, most_bytes
        self.jobs: dict[str, WebJob] = {}
        self._sizes: dict[str, dict[str, int]] = {}
        try:
            for path in (folder, folder / "jobs", folder / "uploads"):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.chmod(0o700)
            self._lock = _locked(folder / "lock")
            for left in (folder / "uploads").iterdir():
                left.unlink()
            for path in sorted((folder / "jobs").iterdir()):
                self._found(path)
        except OSError as error:
            raise BadInput(unwritable(error, folder, "choose another with --folder")) from error

    def _found(self, folder: Path) -> None:
        job = _read(folder)
        if job is None:  # killed while it was made
            shutil.rmtree(folder, ignore_errors=True)
            return
        self.jobs[job.id] = job
        if job.state in UNFINISHED:
            self.end(job, LOST, "The server was stopped before this was done: please start it again.")

    def close(self) -> None:
        """Let another server use the folder."""
        self._lock.close()

    def place(self, job: WebJob) -> Path:
        """The folder of a job."""
        return self.folder / "jobs" / job.id

    def create(self, job: WebJob, uploads: list[Path]) -> None:
        """Make a job's folder and move the files there.

        Raises:
            BadInput: the disk is full.
        """
        place = self.place(job)
        try:
            (place / "in").mkdir(parents=True, mode=0o700)
            for source, name in zip(uploads, job.files):
                os.replace(source, place / "in" / name)
            self.jobs[job.id] = job
            self.save(job)
        except OSError as error:
            self.remove(job)
            raise BadInput(unwritable(error, "this server", "try again later")) from error

    def save(self, job: WebJob) -> None:
        """Write the record of a job."""
        write_whole(self.place(job) / RECORD, json.dumps(asdict(job)))

    def end(self, job: WebJob, state: str, note: str = "") -> None:
        """Close a job: its photos go, and its results are kept for a while."""
        job.state, job.note, job.ended = state, note, time()
        shutil.rmtree(self.place(job) / "in", ignore_errors=True)
        self.save(job)

    def of(self, owner: str) -> list[WebJob]:
        """The jobs of one browser, latest first."""
        return sorted((job for job in self.jobs.values() if job.owner == owner), key=lambda job: -job.created)

    def waiting(self) -> list[WebJob]:
        """What waits, next first."""
        return sorted((job for job in self.jobs.values() if job.state == WAITING), key=lambda job: job.created)

    def remove(self, job: WebJob) -> None:
        """Forget a job and all its files."""
        self.jobs.pop(job.id, None)
        self._sizes.pop(job.id, None)
        shutil.rmtree(self.place(job), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what was kept long enough."""
        for job in [*self.jobs.values()]:
            if job.state not in UNFINISHED and time() - job.ended > self.keep_seconds:
                self.remove(job)

    def files(self, job: WebJob) -> dict[str, Path]:
        """What may be downloaded: the name as the summary lists it -> where it lies. Nothing else can be asked for."""
        out = self.place(job) / "out"
        listed = (name for row in job.results for name in row["files"])
        return {name: out / name for name in listed if (out / name).is_file() and not (out / name).is_symlink()}

    def sizes(self, job: WebJob) -> dict[str, int]:
        """Bytes of each file of a job that has ended; looked up once."""
        if job.id not in self._sizes:
            self._sizes[job.id] = {name: path.stat().st_size for name, path in self.files(job).items()}
        return self._sizes[job.id]

    def refuse_full(self) -> None:
        """Raise BadInput where the folder is as large as it may be, or the disk nearly full."""
        free = shutil.disk_usage(self.folder).free
        if free < 5e8 or sum(_sizes(self.folder)) > self.most_bytes:
            raise BadInput("This server is full: delete results that you no longer need, or try again later.")


def new_id() -> str:
    """A name nobody can guess."""
    return token_hex(12)


def _read(folder: Path) -> WebJob | None:
    record = folder / RECORD
    try:
        if record.stat().st_size > LARGEST_RECORD:
            return None
        job = WebJob(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return job if job.id == folder.name and all(hasattr(job, one.name) for one in fields(job)) else None


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(place, name)).st_size
            except OSError:  # removed meanwhile
                continue


def _locked(path: Path) -> Any:
    """A file that one process at a time holds open; the system lets it go when the process ends, however it does."""
    file = path.open("w")
    try:
        import fcntl
    except ImportError:  # Windows: two servers on one folder are the user's to avoid
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BadInput(
            f"{path.parent}: another maquette serve uses it: stop that one, or choose another --folder"
        ) from error
    return file
