"""The recipe of the pets' shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.core.options import SynthesisOptions
from maquette.reconstruction.pet_fit.shape_network import MARK, MODES, OWN, PetShapeNetwork
from maquette.training.datasets.pets import make_shard
from maquette.training.recipes.pet_heads import shape as recipe


class Says(torch.nn.Module):
    """A network that always says the same."""

    def __init__(self, shape, variance):
        super().__init__()
        self.shape, self.variance = shape, variance

    def forward(self, *_):
        turn = torch.zeros(len(self.shape), 3)
        return self.shape, torch.full_like(self.shape, self.variance), turn, turn, torch.zeros(len(self.shape), 3)


def batch_of(species):
    known = torch.ones(1, OWN)
    known[0, 12:MODES] = 0
    return {name: torch.zeros(1, 1) for name in recipe.READ} | {
        "shape": torch.zeros(1, OWN), "known": known, "turn": torch.zeros(1, 3), "species": torch.tensor([species]),
    }  # fmt: skip


def test_only_the_own_species_and_what_its_model_has_count():
    shape = torch.zeros(1, 3, OWN)
    shape[0, 0], shape[0, 1, 12:MODES] = 5.0, 7.0
    options = recipe.PetShapeOptions()
    assert float(recipe.loss(Says(shape, 0.0), batch_of(1), options)[1]["error"]) == 0
    assert float(recipe.loss(Says(shape, 0.0), batch_of(0), options)[1]["error"]) == pytest.approx(25)


def test_the_best_spread_is_that_of_the_error():
    shape = torch.full((1, 3, OWN), 0.4)
    costs = [
        float(recipe.loss(Says(shape, np.log(0.16) + d), batch_of(2), recipe.PetShapeOptions())[0])
        for d in (-0.3, 0, 0.3)
    ]
    assert costs[1] < min(costs[0], costs[2])


def test_scores_are_of_held_out_animals_and_the_file_is_the_network(tmp_path):
    (tmp_path / "test").mkdir()
    make_shard(tmp_path, SynthesisOptions(count=2, seed=3, size=96, photos_per_person=1, split="test"), 0, 2)
    options = recipe.PetShapeOptions(data=str(tmp_path), width=16)
    network = recipe.build_network(options).eval()
    with torch.no_grad():
        scores = recipe.validate(network, options)
    assert set(scores) == {"score", "spread", "degrees", "species"} and scores["score"] > 0.05
    tensors, facts = recipe.export(network)
    again = PetShapeNetwork(16)
    again.load_state_dict(tensors)
    assert facts["coefficients"] == str(OWN)
    inputs = recipe.example(options, np.random.default_rng(0))
    with torch.inference_mode():
        assert torch.equal(network(*inputs)[1], again.eval()(*inputs)[1])


def test_the_straight_way_starts_as_a_ridge_regression_and_stays():
    rng = np.random.default_rng(0)
    marks, species = rng.normal(size=(240, 20, MARK)).astype(np.float32), np.arange(240) % 3
    way = rng.normal(size=(3, 80, OWN)).astype(np.float32) / 9
    shape = np.einsum("np,npq->nq", marks.reshape(240, -1), way[species])
    network = PetShapeNetwork()
    recipe.start_straight(network, [{"marks": marks, "shape": shape, "turn": marks[:, :3, 0], "species": species}])
    with torch.no_grad():
        found = network.straight(torch.from_numpy(marks.reshape(240, -1)))[:, :90].numpy().reshape(240, 3, OWN)
    off = found[np.arange(240), species] - shape
    assert np.sqrt((off**2).mean()) < 0.2 * shape.std() and not network.straight.weight.requires_grad
