"""Losses: numbers of the published functions, units, and what must hold of them."""

from __future__ import annotations

import pytest
import torch

import seeded
from deca_by_seed import golden
from maquette.reconstruction.deca import losses


def given() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(61)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    found, wanted = 2 * uniform(3, 68, 2) - 1, 2 * uniform(3, 68, 2) - 1
    return {
        "found": found,
        "wanted": wanted,
        "shading": uniform(2, 3, 40, 40),
        "features": uniform(2, 24, 6, 7),
        "others": uniform(2, 24, 6, 7),
    }


def test_numbers_are_those_of_the_published_functions():
    held = given()
    marks, relief = (held["found"], held["wanted"]), seeded.picture((2, 1, 256, 256), 9) - 0.5
    seen = (seeded.picture((2, 1, 256, 256), 8) > 0.45).float()
    found = {
        "landmarks": losses.landmark_loss(*marks),
        "eyes": losses.opening_loss(*marks, losses.EYES),
        "lips": losses.opening_loss(*marks, losses.LIPS),
        "smooth": losses.smooth_loss(held["shading"]),
        "mrf": losses.relative_distances(held["features"], held["others"]).sum(),
        "sym": losses.symmetry_loss(relief, seen),
    }
    for name, value in found.items():
        torch.testing.assert_close(value, golden(f"loss_{name}"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_shift_of_all_landmarks_counts_half(axis):
    marks = torch.rand(4, 68, 2)
    moved = marks.clone()
    moved[..., axis] += 0.2
    assert losses.landmark_loss(moved, marks).item() == pytest.approx(0.1, abs=1e-6)
    assert losses.opening_loss(moved, marks, losses.EYES).item() == pytest.approx(0, abs=1e-6)


def test_closed_eyes_have_gradients():
    marks = torch.zeros(1, 68, 2, requires_grad=True)
    losses.opening_loss(marks, torch.rand(1, 68, 2), losses.EYES).backward()
    assert marks.grad.isfinite().all()


def test_priors_are_sums_over_the_batch():
    assert losses.prior_loss(torch.ones(2, 10)) == 10
    grey = torch.rand(2, 9, 1).expand(2, 9, 3)
    assert losses.light_loss(grey) < 1e-12 and losses.light_loss(torch.rand(2, 9, 3)) > 0


def test_the_same_features_match_and_none_are_no_numbers_to_lose():
    features = torch.rand(2, 24, 6, 7)
    assert (losses.relative_distances(features, features) < losses.relative_distances(features.flip(3), features)).all()
    empty = features.clone()
    empty[:, :, :3] = empty[:, :, :3].mean(1, keepdim=True)  # nothing about the mean
    empty.requires_grad_()
    losses.relative_distances(empty, empty.detach()).sum().backward()
    assert empty.grad.isfinite().all()


def test_what_is_seen_on_both_sides_need_not_be_even():
    relief = torch.rand(1, 1, 32, 32)
    assert losses.symmetry_loss(relief, torch.zeros(1, 1, 32, 32)) > 0
    inner = losses.symmetry_loss(relief, torch.ones(1, 1, 32, 32))
    assert inner < losses.symmetry_loss(relief, torch.zeros(1, 1, 32, 32)) / 3, "the rim alone"
