"""Processes: which of them uses maquette, and the children that do work of others within bounds.

A child is a module that Python runs (`python`) in an `environment`. It speaks through `records` alone, bounds itself
(`confine`) and is watched from outside: `gigabytes`, `end_group`, `last_line`.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from maquette.core.errors import BadInput

LAST_WORDS = 2000  # bytes of what a process that died had written
SPARE_GB = 24  # of addresses beyond the limit: what libraries reserve and never touch
_users: list[int] = []


def refuse_forked() -> None:
    """Raise BadInput in a process that was forked from one which had used maquette; every door asks this first."""
    if _users not in ([], [os.getpid()]):
        raise BadInput(
            "maquette was used before this process was forked, and its libraries' threads did not come along: use "
            "multiprocessing.get_context('spawn'), or fork before the first use"
        )
    if not _users:
        _users.append(os.getpid())


def python(*program: str) -> tuple[str, ...]:
    """The command that runs a program with this Python; nothing is imported from the folder it works in."""
    return (sys.executable, "-P", *program)


def environment(threads: int) -> dict[str, str]:
    """The environment of a child that computes with so many threads and finds the maquette that is running."""
    root = str(Path(__file__).parents[2])
    return {
        **os.environ,
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(max(1, threads))),
        "PYTHONPATH": os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part),
    }


def records(elsewhere: int) -> TextIO:
    """The stdout of this process, line by line, for records alone; what libraries print there goes `elsewhere`."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(elsewhere, 1)
    return out


def confine(gigabytes: float, seconds: float | None = None) -> None:
    """Bound this process: no core files, addresses, seconds on each processor if given; where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if seconds is not None:
            processor = int(seconds * (os.cpu_count() or 1)) + 60
            resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 5))
        if sys.platform == "linux" and not os.path.exists("/dev/nvidiactl"):  # CUDA reserves more than there is
            most = int((gigabytes + SPARE_GB) * 1e9)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))


def gigabytes(pid: int) -> float:
    """Resident memory of a process, 0 where the system does not say (other than Linux)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def end_group(pid: int) -> None:
    """End a process that leads a session, and all that it started, at once."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


def last_line(words: BinaryIO) -> str:
    """The last line of a file that a process wrote its errors to, at most 200 characters."""
    words.seek(max(0, words.seek(0, os.SEEK_END) - LAST_WORDS))
    lines = words.read().decode("utf-8", "replace").split("\n")
    return next((" ".join(line.split())[:200] for line in reversed(lines) if line.strip()), "")
