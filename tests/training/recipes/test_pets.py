"""The recipe of the pets' landmarks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from far_device import taught_there
from maquette.perception.pets.landmark_network import PetLandmarkHead
from maquette.training.datasets.pets import FEATURES
from maquette.training.recipes import pets as recipe


@pytest.fixture
def options(tmp_path):
    """Options of the recipe, on noise."""
    rng, count = np.random.default_rng(0), 3
    columns = {
        "image": rng.integers(0, 256, (count, 64, 64, 3), np.uint8),
        "landmarks": rng.uniform(16, 48, (count, 20, 2)).astype(np.float32),
        "visible": rng.integers(0, 2, (count, 20)).astype(np.uint8),
        "species": np.zeros(count, np.uint8),
    }
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file(columns, tmp_path / split / "0.safetensors")
    return recipe.PetLandmarkOptions(data=str(tmp_path), width=16)


def test_it_learns_on_another_device(options):
    assert taught_there(recipe.RECIPE, options)["convolution_backward"]


class Says(torch.nn.Module):
    """A network that always says the same."""

    def __init__(self, points, log_variance):
        super().__init__()
        self.points, self.log_variance = points, torch.full(points.shape[:2], log_variance)

    def forward(self, *_):
        heat = recipe._gaussians(self.points, 20).view(*self.points.shape[:2], 20, 20)
        return self.points, self.log_variance, torch.full(self.points.shape[:2], 4.0), heat


def batch_of(points, visible):
    return {name: torch.zeros(1) for name in FEATURES} | {"landmarks": points, "visible": visible}


def test_the_best_spread_is_that_of_the_error():
    """For a squared distance e the likelihood is best at a variance of e / 2 per axis."""
    true, seen = torch.full((1, 20, 2), 0.5), torch.ones(1, 20, dtype=torch.uint8)
    options = recipe.PetLandmarkOptions(heat_weight=0.0, seen_weight=0.0)
    off = true + 0.03
    best = float(np.log(2 * 0.03**2 / 2))
    costs = [float(recipe.loss(Says(off, best + d), batch_of(true, seen), options)[0]) for d in (-0.3, 0.0, 0.3)]
    assert costs[1] < min(costs[0], costs[2])


def test_hidden_points_count_less_and_those_outside_not_at_all():
    options = recipe.PetLandmarkOptions(heat_weight=0.0, seen_weight=0.0)
    true = torch.full((1, 20, 2), 0.5)
    wrong = true.clone()
    wrong[0, 0] = 0.7
    costs = []
    for place, visible in ((0.5, 1), (0.5, 0), (1.4, 0)):
        there, seen = true.clone(), torch.ones(1, 20, dtype=torch.uint8)
        there[0, 0], seen[0, 0] = place, visible
        costs.append(float(recipe.loss(Says(wrong, -6.0), batch_of(there, seen), options)[0]))
    right = float(recipe.loss(Says(true, -6.0), batch_of(true, torch.ones(1, 20)), options)[0])
    assert costs[0] > costs[1] > costs[2] == pytest.approx(right, abs=1e-4)


def test_heat_in_the_right_place_costs_less():
    options = recipe.PetLandmarkOptions(seen_weight=0.0)
    true = torch.rand(1, 20, 2, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    seen = torch.ones(1, 20, dtype=torch.uint8)
    near, far = (recipe.loss(Says(true + shift, -4.0), batch_of(true, seen), options)[1]["heat"] for shift in (0, 0.1))
    assert near < far - 1


def test_scores_are_of_held_out_animals(options):
    with torch.no_grad():
        scores = recipe.validate(recipe.build_network(options).eval(), options)
    assert set(scores) == {"score", "eyes_nose", "spread", "seen"} and scores["score"] > 0


def test_the_published_tensors_are_the_head():
    network = recipe.build_network(recipe.PetLandmarkOptions()).eval()
    tensors, facts = recipe.export(network)
    again = PetLandmarkHead().eval()
    again.load_state_dict(tensors)
    features = recipe.example(recipe.PetLandmarkOptions(), np.random.default_rng(0))
    with torch.inference_mode():
        assert torch.equal(network(*features)[0], again(*features)[0])
    assert facts["points"] == "20" and float(tensors["template"][:, 2, 0].min()) > 0.1
