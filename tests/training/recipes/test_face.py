"""The recipe of the face regressor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from far_device import taught_there
from maquette.geometry.alignment import similarity
from maquette.morphable import load
from maquette.perception.faces.regressor.network import FaceRegressor
from maquette.training.recipes import face as recipe


@pytest.fixture
def options(tmp_path):
    """Options of the recipe, on noise that says nothing about its labels."""
    rng, count = np.random.default_rng(0), 3
    columns = {
        "image": rng.integers(0, 256, (count, 160, 160, 3), np.uint8),
        "landmarks": rng.uniform(30, 130, (count, 478, 3)).astype(np.float32),
        "identity": rng.normal(size=(count, 100)).astype(np.float16),
        "expression": rng.random((count, 52)).astype(np.float16),
        "visible": np.ones((count, 478), np.uint8),
        "monk": np.full((count, 1), 5, np.uint8),
        "pose": np.zeros((count, 3), np.float32),
    }
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file(columns, tmp_path / split / "0.safetensors")
    return recipe.FaceOptions(data=str(tmp_path), width=0.35)


def test_it_learns_on_another_device(options):
    assert taught_there(recipe.RECIPE, options)["convolution_backward"]


def test_millimetres_are_those_after_the_best_similarity():
    model, rng = load("maquette-head"), np.random.default_rng(0)
    face = model.regions["face"] > 0.5
    for _ in range(5):
        weights = rng.normal(0, 0.5, len(model.identity_basis))
        head = model.vertices(weights, np.zeros(len(model.expression_names)))[face]
        laid = similarity(head, model.mean[face]).apply(head)
        left = np.sqrt(((laid - model.mean[face]) ** 2).sum(axis=1).mean()) * 1e3
        assert np.linalg.norm(recipe.millimetres() @ weights) == pytest.approx(left, rel=0.03)


def test_identity_counts_in_shares_of_the_average_heads_error():
    rng = np.random.default_rng(1)
    true = torch.from_numpy(rng.normal(size=(3, 100)).astype(np.float32))
    true[:, 60:] = 0
    nothing = torch.zeros(3, 60)
    assert recipe.squared_error_mm(true[:, :60], true).max() < 1e-3
    whole = recipe.squared_error_mm(nothing, true)
    assert torch.allclose(recipe.squared_error_mm(true[:, :60] / 2, true), whole / 4, rtol=1e-4)
    # What the network cannot answer stays an error.
    true[:, 60:] = 1
    assert recipe.squared_error_mm(true[:, :60], true).min() > 0.05


@pytest.mark.parametrize("width", [0.2, 0.5, 1.0])
def test_the_published_numbers_build_the_network_again(width):
    network = recipe.build_network(recipe.FaceOptions(width=width)).eval()
    tensors, facts = recipe.export(network)
    again = FaceRegressor(tuple(int(w) for w in facts["widths"].split(",")), hidden=int(facts["hidden"])).eval()
    again.load_state_dict(tensors)
    crops = recipe.example(recipe.FaceOptions(), np.random.default_rng(0))[0]
    with torch.inference_mode():
        assert torch.equal(network(crops).identity, again(crops).identity)
    assert facts["edition"] == str(load("maquette-head").edition)
