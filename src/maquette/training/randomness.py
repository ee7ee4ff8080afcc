"""All global generators: seeded from a step, and given back as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_everything(seed: int, step: int, rank: int) -> None:
    """Seed torch's, numpy's and Python's global generators from the step; step -1 is the drawing of the weights."""
    value = int(np.random.SeedSequence([seed, step + 1, rank]).generate_state(1)[0])
    # Not torch.manual_seed, which takes a millisecond for the traceback that it keeps while no GPU is in use.
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(value)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(value)
    np.random.seed(value)
    random.seed(value)


@contextmanager
def generators_kept() -> Iterator[None]:
    """Give the caller's global generators, and torch's precision of products, back as they were."""
    array, plain, precision = np.random.get_state(), random.getstate(), torch.get_float32_matmul_precision()
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []):
            yield
    finally:
        np.random.set_state(array)
        random.setstate(plain)
        torch.set_float32_matmul_precision(precision)
