"""The recipe of the folds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.texturing.detail.network import PLANES
from maquette.training.recipes import folds as recipe

HEIGHTS = torch.zeros(1, 32, 32)
HEIGHTS[:, 14:18] = -2.0


class Says(torch.nn.Module):
    """A network that always says the same heights, and how wrong they may be."""

    def __init__(self, heights: torch.Tensor, scale: float = 0.0) -> None:
        super().__init__()
        self.found = torch.stack([heights, torch.full_like(heights, scale)], dim=1)

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.found


def cost(heights: torch.Tensor, scale: float = 0.0, known: torch.Tensor | None = None, **weights: float) -> float:
    shown = torch.ones_like(HEIGHTS) if known is None else known
    batch = {"planes": torch.zeros(1, PLANES, 32, 32), "heights": HEIGHTS, "known": shown}
    return float(recipe.loss(Says(heights, scale), batch, recipe.FoldOptions(**weights))[0])


def test_the_truth_costs_least_and_a_missed_fold_more_than_a_false_one_as_large():
    plain = {"likelihood_weight": 0.0}
    assert cost(HEIGHTS, **plain) == pytest.approx(0, abs=1e-6)
    false = HEIGHTS.clone()
    false[:, 4:8] = -2.0
    assert cost(torch.zeros_like(HEIGHTS), **plain) > 2 * cost(false, **plain) > 0


def test_what_is_not_known_costs_nothing():
    known = torch.ones_like(HEIGHTS)
    known[:, :, :16] = 0
    wrong = HEIGHTS.clone()
    wrong[:, :, :15] = 3.0
    assert cost(wrong, known=known, likelihood_weight=0.0) == pytest.approx(0, abs=1e-6)


def test_doubt_pays_where_heights_are_wrong_and_costs_where_they_are_right():
    assert cost(HEIGHTS, scale=2.0) > cost(HEIGHTS, scale=-3.0)
    assert cost(HEIGHTS + 3, scale=1.0) < cost(HEIGHTS + 3, scale=-3.0)


def test_a_picture_shows_what_is_found_beside_the_truth():
    batch = {"planes": torch.zeros(2, PLANES, 32, 32), "heights": HEIGHTS.expand(2, -1, -1)}
    found = recipe.picture(Says(HEIGHTS.expand(2, -1, -1)), batch)
    assert found.shape == (96, 64, 3) and np.array_equal(found[32:64], found[64:])
