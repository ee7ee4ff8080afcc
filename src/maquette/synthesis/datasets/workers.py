"""Processes that draw: one thread each, and none outlives the one that started it."""

from __future__ import annotations

import os
import signal
from multiprocessing import parent_process
from threading import Thread


def settle_worker() -> None:
    """One thread each; Ctrl-C is the parent's to hear, and nobody outlives it."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End with the parent: a worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
