"""Which process uses maquette: the threads of its libraries do not survive a fork, and waiting for them has no end."""

from __future__ import annotations

import ctypes
import os
import sys

from maquette.core.errors import BadInput

_users: list[int] = []
_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
MAPPED_BYTES = 1 << 30, 32 << 20  # larger blocks go back to the system at once; old ones of glibc take 32 MB at most
KEPT_BYTES = 1 << 30


def keep_memory() -> bool:
    """Keep what was freed for the next array, for a process that is ours alone; whether this system can (glibc).

    Fresh pages from the system are cleared one by one: a tenth of the processor time of a clip.
    """
    if not sys.platform.startswith("linux"):
        return False
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    return tune is not None and any(tune(_MAP, most) for most in MAPPED_BYTES) and bool(tune(_TRIM, KEPT_BYTES))


def refuse_forked() -> None:
    """Raise BadInput in a process that was forked from one which had used maquette; every door asks this first."""
    if _users not in ([], [os.getpid()]):
        raise BadInput(
            "maquette was used before this process was forked, and its libraries' threads did not come along: use "
            "multiprocessing.get_context('spawn'), or fork before the first use"
        )
    if not _users:
        _users.append(os.getpid())
