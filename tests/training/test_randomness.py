"""Global generators: the same from the same step, and as they were afterwards."""

from __future__ import annotations

import random

import numpy as np
import torch

from maquette.training.randomness import generators_kept, seed_everything


def drawn() -> tuple[float, float, float]:
    return float(torch.rand(1)), float(np.random.rand()), random.random()


def test_a_step_has_its_own_numbers_and_the_caller_keeps_theirs():
    seed_everything(1, 2, 0)
    before = torch.get_rng_state()
    with generators_kept():
        seed_everything(5, 3, 0)
        first = drawn()
        seed_everything(5, 3, 0)
        assert drawn() == first
        seed_everything(5, 4, 0)
        assert not set(drawn()) & set(first)
    assert torch.equal(torch.get_rng_state(), before)
