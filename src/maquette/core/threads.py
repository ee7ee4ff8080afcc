"""How many threads each stage computes with: the one place that says so.

Measured by `benchmarks/threads.py`: where tensors are small, or all work takes a second, threads mostly wait for each
other, and beside other programs that takes 3 to 20 times as long as one thread alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

THREADS: dict[str, int | None] = {
    "side by side": 1,  # each of two subjects at once; 2.2 times one subject, 3.1 with two threads each
    "face regressor": 1,
    "head parser": 1,
    "folds": 1,
    "pet landmarks": 1,
    "face fit": 1,
    "face motion": 1,
    "face clip": 1,  # all of it: two threads of linear algebra wait for each other by a quarter of its processor time
    "body fit": 1,
    "vrn": 1,
    "pifuhd": 1,
    "published pifuhd": None,  # a hundred times the work of the shipped one
    "hrn": None,  # published, three seconds of one core
    "deca": None,  # published, a fifth of a second of one core
    "translate": None,  # published, four seconds of one core for a picture
    "upscale": None,  # of a large photo
}
"""Stage -> threads; None is as many as there are. A ceiling: who sets OMP_NUM_THREADS or torch to fewer gets fewer."""


@contextmanager
def computing(stage: str) -> Iterator[None]:
    """Give torch and linear algebra the threads of a stage, and then back what they had. Never around a `yield`.

    Torch's number belongs to the calling thread. That of linear algebra is the whole process's, so it is set by the
    main thread alone: OpenBLAS 0.3.23 ignores the others, and two that take turns would not give back what they found.
    """
    most = THREADS[stage]
    with ExitStack() as given_back:
        if most is not None:
            from threadpoolctl import ThreadpoolController

            if "torch" in sys.modules:
                sys.modules["torch"].get_num_threads()  # in a new thread it would set its own number later
            pools = ThreadpoolController()
            main = threading.current_thread() is threading.main_thread()
            for kind in ("openmp", "blas") if main else ("openmp",):
                chosen = pools.select(user_api=kind)
                if any(pool["num_threads"] > most for pool in chosen.info()):
                    given_back.enter_context(chosen.limit(limits=most))
        yield


def available() -> int:
    """How many threads may compute at once: the cores that this process may use, or OMP_NUM_THREADS if fewer."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, min(cores(), int(asked))) if asked.isdigit() else cores()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
