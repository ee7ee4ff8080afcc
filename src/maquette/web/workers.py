"""Jobs one after another, each in a process of its own that can be ended at any time without harm."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from time import time
from typing import Any

from maquette.core.errors import BadInput
from maquette.core.process import end_group, environment, gigabytes, python
from maquette.core.threads import cores
from maquette.web.jobs import CANCELLED, DONE, FAILED, WAITING, WORKING, JobStore, WebJob
from maquette.web.kinds import KINDS
from maquette.web.limits import ServeOptions

LONGEST_LINE = 1 << 22  # bytes of one message: a clip's row lists its frames
WATCHED_S = 0.1
COMMAND = python("-m", "maquette.web.child")
DEBUG = bool(os.environ.get("MAQUETTE_DEBUG"))


class Workers:
    """So many jobs at once; the others wait in the order in which they came."""

    def __init__(self, store: JobStore, options: ServeOptions) -> None:
        """Nothing runs before `start`."""
        self.store, self.options = store, options
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[str, Process] = {}
        self._reasons: dict[str, tuple[str, str]] = {}
        self._spare: Process | None = None

    async def start(self) -> None:
        """Begin to serve what waits."""
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(self.options.at_once)]
        self._spare = await _process(self.options.at_once)

    async def stop(self) -> None:
        """End everything at once; what was in work is found to be lost when the folder is opened again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in (*self._processes.values(), self._spare):
            if process is not None:
                _kill(process)
                await process.wait()

    def wake(self) -> None:
        """Say that a job waits in the store."""
        self._changed.set()

    def refuse_full(self) -> None:
        """Raise BadInput where no more jobs may wait."""
        if len(self.store.waiting()) >= self.options.queue:
            raise BadInput(f"{self.options.queue} jobs wait already: try again later.")

    def cancel(self, job: WebJob) -> None:
        """End a job, whatever it is doing."""
        if job.state == WAITING:
            self.store.end(job, CANCELLED, "Cancelled.")
        elif job.state == WORKING:
            self._end(job, CANCELLED, "Cancelled.")

    async def _serve(self) -> None:
        while True:
            waiting = self.store.waiting()
            if not waiting:
                self._changed.clear()
                await self._changed.wait()
                continue
            job = waiting[0]
            job.state, job.begun = WORKING, time()
            job.stage("starting")
            try:
                await self._work(job)
            except (OSError, ValueError) as error:  # no process can be started, or the disk is full
                with suppress(OSError):
                    self.store.end(
                        job, FAILED, f"This server could not do it ({type(error).__name__}): try again later."
                    )

    async def _work(self, job: WebJob) -> None:
        self.store.save(job)
        process, self._spare = self._spare or await _process(self.options.at_once), None
        if process.returncode is not None:  # the spare one was killed meanwhile
            process = await _process(self.options.at_once)
        self._processes[job.id] = process
        watch = asyncio.create_task(self._watch(job, process))
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(self._order(job)).encode() + b"\n")
            with suppress(ConnectionError):
                await process.stdin.drain()
            code = await _read(job, process)
        finally:
            watch.cancel()
            _kill(process)
            await process.wait()
            self._processes.pop(job.id, None)
        state, note = self._reasons.pop(job.id, (DONE if job.results else FAILED, ""))
        if state == FAILED and not note:
            crashed = "The work ended unexpectedly; this server goes on. Another photo may fare better."
            note = crashed if code is None else (job.failures or ["Nothing was made."])[0]
        self.store.end(job, state, note)
        self._spare = self._spare or await _process(self.options.at_once)

    def _order(self, job: WebJob) -> dict[str, Any]:
        kind, place = KINDS[job.kind], self.store.place(job)
        return {
            "folder": str(place / "in"),
            "out": str(place / "out"),
            "photos": job.files,
            "subject": kind.subject.value,
            "clip": kind.door == "video",
            "options": {**job.settings, "max_megapixels": self.options.max_megapixels},
            "gigabytes": self.options.memory_limit,
            "seconds": self.options.time_limit * 60,
        }

    async def _watch(self, job: WebJob, process: Process) -> None:
        """End a job that takes too long, or too much memory."""
        options = self.options
        while True:
            await asyncio.sleep(WATCHED_S)
            if time() - job.begun > options.time_limit * 60:
                self._end(
                    job, FAILED, f"It took longer than {options.time_limit:g} minutes: try a smaller photo or clip."
                )
            elif gigabytes(process.pid) > options.memory_limit:
                self._end(job, FAILED, f"It took more than {options.memory_limit:g} GB of memory: try a smaller photo.")

    def _end(self, job: WebJob, state: str, note: str) -> None:
        self._reasons.setdefault(job.id, (state, note))
        if job.id in self._processes:
            _kill(self._processes[job.id])


async def _process(at_once: int) -> Process:
    """A process that gets ready and then waits for its order, with its share of the processors."""
    quiet, share = None if DEBUG else DEVNULL, environment(cores() // at_once)
    return await asyncio.create_subprocess_exec(
        *COMMAND, stdin=PIPE, stdout=PIPE, stderr=quiet, env=share, limit=LONGEST_LINE, start_new_session=True
    )


async def _read(job: WebJob, process: Process) -> int | None:
    """Follow what a job says until its process ends; its code, None where it did not come to its end."""
    assert process.stdout is not None
    code = None
    async for line in process.stdout:
        said = json.loads(line)
        if "stage" in said:
            job.stage(f"{said['of']}: {said['stage']}" if len(job.files) > 1 else said["stage"])
        elif "done" in said:
            job.results.append(said["done"])
        elif "failed" in said:
            job.failures.append(said["failed"][:500])
        elif "end" in said:
            code = said["end"]
    return code


def _kill(process: Process) -> None:
    """End a process and all that it started."""
    if process.returncode is None:
        end_group(process.pid)
