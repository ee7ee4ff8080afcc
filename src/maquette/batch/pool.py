"""Some processes of this computer that take items until none is left: retries, limits of time and memory."""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from maquette.batch.child import FATAL
from maquette.batch.items import Item
from maquette.batch.work import FAILED, FETCH, about, state_of
from maquette.core.errors import ExtraMissing
from maquette.core.options import BatchOptions
from maquette.core.process import end_group, environment, gigabytes, last_line, python
from maquette.core.threads import cores

LOOK_S = 0.2  # between two looks at clocks and memory
CRASH, TIME_LIMIT, MEMORY_LIMIT = "Crash", "TimeLimit", "MemoryLimit"
PROGRAM: tuple[str, ...] = ("-m", "maquette.batch.child")
Record = dict[str, Any]


@dataclass(frozen=True)
class Try:
    """One item, and how often it has been begun before."""

    item: Item
    before: int = 0


@dataclass(eq=False)
class Worker:
    """One process, and what it is doing."""

    process: subprocess.Popen[str]
    words: BinaryIO
    now: Try | None = None
    begun: float = 0.0
    killed: str = ""

    def give(self, work: Try) -> None:
        """Begin an item; a process that has died is found out when its end is reported."""
        self.now, self.begun, self.killed = work, monotonic(), ""
        with suppress(OSError, ValueError):
            assert self.process.stdin
            self.process.stdin.write(work.item.to_json() + "\n")
            self.process.stdin.flush()

    def kill(self, why: str = "") -> None:
        """End the process at once."""
        self.killed = why
        if self.process.poll() is None:
            end_group(self.process.pid)


@dataclass(eq=False)
class Pool:
    """Processes that stay, with their networks loaded, from one call of `records` to the next.

    Attributes:
        out: OUT of the batch.
        defaults: options of the whole batch by name.
        limits: workers, retries and limits.
        program: what Python runs; see `batch/child.py` for what is expected of it.
    """

    out: Path
    defaults: Mapping[str, Any]
    limits: BatchOptions
    program: tuple[str, ...] = field(default_factory=lambda: PROGRAM)
    workers: list[Worker] = field(default_factory=list)
    messages: queue.Queue[tuple[Worker, str]] = field(default_factory=queue.Queue)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def records(self, items: Iterable[Item]) -> Iterator[Record]:
        """Do items and give their records as they come; no more items are taken than there are processes.

        Raises:
            ExtraMissing: what the processes report when none of the items can be done.
        """
        coming, again = iter(items), deque[Try]()
        while True:
            self._fill(coming, again)
            busy = [worker for worker in self.workers if worker.now]
            if not busy:
                return
            self._look(busy)
            try:
                worker, line = self.messages.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if (record := self._heard(worker, line)) is None:
                continue
            work, worker.now = worker.now, None
            assert work
            if _may_be_mended(record) and work.before < self.limits.retries:
                again.append(Try(work.item, work.before + 1))
                continue
            yield {**record, "tries": work.before + 1}

    def close(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.kill()
            worker.process.wait()
            for stream in (worker.process.stdin, worker.process.stdout, worker.words):
                with suppress(OSError, ValueError):
                    stream.close()  # type: ignore[union-attr]
        self.workers.clear()

    def _fill(self, coming: Iterator[Item], again: deque[Try]) -> None:
        """Give every idle process something to do, making processes only for work that is there."""
        while (idle := [worker for worker in self.workers if not worker.now]) or self._has_room():
            work = again.popleft() if again else next((Try(item) for item in coming), None)
            if work is None:
                return
            (idle[0] if idle else self._begin()).give(work)

    def _has_room(self) -> bool:
        return len(self.workers) < self.limits.workers

    def _begin(self) -> Worker:
        """A new process."""
        words = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        process = subprocess.Popen(
            python(*self.program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            encoding="utf-8",
            env=environment(cores() // self.limits.workers),
            start_new_session=True,  # Ctrl-C is for the one who gives out the work
        )
        worker = Worker(process, words)
        self.workers.append(worker)
        assert process.stdin
        settings = {"out": str(self.out), "options": dict(self.defaults), "gigabytes": self.limits.memory_limit}
        with suppress(OSError):
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: Worker) -> None:
        assert worker.process.stdout
        with suppress(ValueError, OSError):
            for line in worker.process.stdout:
                self.messages.put((worker, line))
        self.messages.put((worker, ""))

    def _look(self, busy: list[Worker]) -> None:
        """Kill what takes too long or too much."""
        for worker in busy:
            if monotonic() - worker.begun > self.limits.time_limit:
                worker.kill(TIME_LIMIT)
            elif gigabytes(worker.process.pid) > self.limits.memory_limit:
                worker.kill(MEMORY_LIMIT)

    def _heard(self, worker: Worker, line: str) -> Record | None:
        """The record that a line holds, or that of the item in work when its process has ended; None for neither."""
        if line:
            record = json.loads(line)
            if FATAL in record:
                raise ExtraMissing(f"no item can be done: {record[FATAL]}")
            return record if worker.now else None
        if worker not in self.workers:
            return None
        self.workers.remove(worker)
        code = worker.process.wait()
        words = last_line(worker.words)
        worker.words.close()
        if worker.now is None:
            return None
        kind = worker.killed or CRASH
        error = {
            TIME_LIMIT: f"took more than {self.limits.time_limit:g} seconds",
            MEMORY_LIMIT: f"took more than {self.limits.memory_limit:g} GB of memory",
            CRASH: f"its process ended with {code}" + (f": {words}" if words else ""),
        }[kind]
        item = worker.now.item
        failure = {"kind": kind, "error": f"{', '.join(item.sources)}: {error}"}
        facts = {"state": state_of(item, self.defaults), "status": FAILED, "results": [], "failures": [failure]}
        return {**about(item), **facts, "seconds": round(monotonic() - worker.begun, 3), "stages": {}, "peak_mb": 0}


def _may_be_mended(record: Record) -> bool:
    """Whether another try may do better: after a crash, or a file that could not be fetched."""
    return record["status"] == FAILED and record["failures"][-1]["kind"] in (CRASH, FETCH)
