"""HRN taught further: it begins as it was, only the two generators learn, the loss falls, and the file comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import basel_twin
from hrn_by_seed import coefficients, hrn, observed
from maquette.core.errors import BadInput
from maquette.reconstruction.hrn import detail
from maquette.reconstruction.hrn.networks import generator
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training import checkpoint
from maquette.training.datasets.hrn_faces import row_of
from maquette.training.loop import train
from maquette.training.options import LoopOptions
from maquette.training.recipes import hrn as recipe
from maquette.training.recipes.hrn import RECIPE, HRNDetail, HRNOptions, build_network, loss, picture
from maquette.training.weights_file import export


class FewCoefficients(nn.Module):
    """Stands for the network of the coefficients."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return coefficients(len(x))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Generators of few channels behind files that exist, and two rows."""
    monkeypatch.setattr(generator, "WIDTH", 4)
    torch.manual_seed(3)
    state = [MapGenerator(6, 3).state_dict(), MapGenerator(9, 1).state_dict()]

    def load(path):
        networks = [MapGenerator(6, 3), MapGenerator(9, 1)]
        for one, values in zip(networks, state):
            one.load_state_dict(values)
            one.requires_grad_(False).eval()
        return HRNNetworks(FewCoefficients(), *networks, alpha=0.1, beta=0.1)

    monkeypatch.setattr(recipe.weights, "load", load)
    monkeypatch.setattr(recipe.bfm, "read", lambda _: basel_twin.model())
    rows = [row_of(observed(k), hrn(MENDED)) for k in (0, 2)]
    monkeypatch.setattr(recipe, "rows", lambda _: (rows, rows[:1]))
    return HRNOptions(data="photos", weights="x", basel="y"), rows


def batch_of(rows):
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}


def test_it_begins_as_it_was(small):
    options, rows = small
    network = build_network(options).eval()
    given = recipe.given(batch_of(rows[:1]))
    with torch.no_grad():
        deformation, displacement, points, middle, finest = network(*given)
    nets = recipe.weights.load("x")
    ready = detail.HRN(
        network.face(), lambda _: given[1], nets.mid_net, nets.high_net, None, nets.alpha, nets.beta, MENDED
    )
    crops = detail.Crops(torch.zeros(1, 3, 224, 224), given[0], torch.zeros(1, 1, 224, 224))
    low = ready.low(crops)
    low = replace(low, valid=given[2], detailed_albedo=given[3])
    mid = ready.mid(low)
    high = ready.high(crops, low, mid)
    for found, wanted in (
        (deformation, mid.deformation),
        (displacement, high.displacement),
        (points, mid.points),
        (middle, mid.colours),
        (finest, high.colours),
    ):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_only_the_generators_learn(small):
    options, rows = small
    network = build_network(options)
    total, measures = loss(network, batch_of(rows), options)
    total.backward()
    pulled = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert pulled == {"mid_net", "high_net", "alpha", "beta"}
    assert set(measures) == {"middle", "finest", "contour", "smooth"}
    assert not any(p.requires_grad for p in network.frozen["net_recon"].parameters() if p.grad is not None)


def test_a_picture_shows_photo_middle_and_finest(small):
    options, rows = small
    drawn = picture(build_network(options).eval(), batch_of(rows))
    assert drawn.shape == (672, 448, 3) and drawn.dtype == np.uint8


def test_the_loss_falls_and_the_file_comes_back(small, tmp_path):
    options, rows = small
    loop = LoopOptions(
        steps=6, batch_size=2, learning_rate=3e-3, weight_decay=0.0, warmup=0, ema=0.0, workers=0, precision="32",
        accelerator="cpu", picture_every=0, save_every=1000, log_every=10, validate_every=0,
    )  # fmt: skip
    before = loss(build_network(options).eval(), batch_of(rows), options)[0].item()
    train(RECIPE, options, loop, tmp_path / "out")
    done = export(tmp_path / "out" / checkpoint.LAST, tmp_path / "mine.safetensors", RECIPE)
    with safe_open(done, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        assert file.metadata()["network"] == "hrn"
    assert {"alpha", "beta", "net_recon.unused", "mid_net.model.1.weight"} <= set(tensors)
    network = build_network(options).eval()
    own = {key: value for key, value in tensors.items() if not key.startswith("net_recon.")}
    network.load_state_dict(own)
    assert loss(network, batch_of(rows), options)[0].item() < before


def test_weights_that_are_not_there_are_said():
    recipe.rows.cache_clear()
    with pytest.raises(BadInput, match="weights convert hrn"):
        recipe.rows(HRNOptions(weights="nowhere.safetensors"))
    assert issubclass(HRNDetail, nn.Module)
