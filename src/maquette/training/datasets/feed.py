"""Batches in order, assembled ahead of time by threads or processes; what comes depends on the number alone."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from maquette.training.recipe import Array, Batches

_mine: Batches | None = None


def feed(
    batches: Batches, numbers: Iterable[int], workers: int, processes: bool = False
) -> Generator[dict[str, Tensor]]:
    """The batches of these numbers, in this order, as tensors by name.

    Args:
        numbers: which batches.
        workers: batches assembled at the same time; 0 assembles each when it is wanted.
        processes: assemble in processes instead of threads.
    """
    if not workers:
        for number in numbers:
            yield tensors(batches.batch(number))
        return
    pool = _pool(batches, workers, processes)
    ask = _batch if processes else batches.batch
    waiting: deque[Future[Any]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(ask, number))
            # One more than there are workers: nobody idles while the loop takes the first.
            if len(waiting) > workers + 1:
                yield tensors(waiting.popleft().result())
        while waiting:
            yield tensors(waiting.popleft().result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def tensors(batch: Mapping[str, Tensor | Array]) -> dict[str, Tensor]:
    """The same batch with every array as a tensor that shares its memory."""
    return {name: torch.from_numpy(a) if isinstance(a, np.ndarray) else a for name, a in batch.items()}


def _pool(batches: Batches, workers: int, processes: bool) -> Executor:
    if not processes:
        return ThreadPoolExecutor(workers, thread_name_prefix="batches")
    # Not fork: it copies locked locks of the threads that torch has started.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(batches,))


def _begin(batches: Batches) -> None:
    """Once in each process: keep the data set, one thread of linear algebra, and leave Ctrl-C to the loop."""
    global _mine
    _mine = batches
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _batch(number: int) -> dict[str, Array]:
    """One batch in a process, as arrays: tensors would travel as open files, of which there may be too few."""
    assert _mine is not None
    return {name: np.asarray(a) for name, a in _mine.batch(number).items()}
