"""Batches come in order, whoever assembles them."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from maquette.training.datasets.feed import feed
from training.toy import Points, ToyOptions


class Slow:
    """Batches of which earlier ones take longer; counts how many are assembled at once."""

    def __init__(self):
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __len__(self):
        return 9

    def batch(self, number):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02 if number % 3 == 0 else 0.001)
        with self.lock:
            self.now -= 1
        if number == 7:
            raise ValueError("seven")
        return {"x": np.array([number])}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_order(workers):
    batches = Slow()
    assert [int(b["x"]) for b in feed(batches, range(7), workers)] == list(range(7))
    assert batches.most <= max(1, workers)


def test_an_error_comes_at_its_batch():
    stream = feed(Slow(), range(9), 2)
    assert [int(next(stream)["x"]) for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="seven"):
        next(stream)


def test_leaving_early_ends_the_workers():
    stream = feed(Slow(), range(7), 2)
    next(stream)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


@pytest.mark.slow
def test_processes_make_the_same():
    points = Points(ToyOptions(), 4, 0)
    ones, others = feed(points, range(3), 0), feed(points, range(3), 2, processes=True)
    for one, other in zip(ones, others, strict=True):
        assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
