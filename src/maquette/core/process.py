"""Which process uses maquette: the threads of its libraries do not survive a fork, and waiting for them has no end."""

from __future__ import annotations

import os

from maquette.core.errors import BadInput

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
