"""HRN's first level taught further: one network learns, its loss falls, and the file comes back whole."""

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
from maquette.reconstruction.hrn.face_model import rotation
from maquette.reconstruction.hrn.networks import retouching
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training import checkpoint
from maquette.training.datasets.hrn.faces import row_of
from maquette.training.loop import train
from maquette.training.options import LoopOptions
from maquette.training.recipes.hrn import first as recipe
from maquette.training.recipes.hrn.first import RECIPE, HRNFirst, HRNFirstOptions, build_network, loss, paired, picture
from maquette.training.weights_file import export

LOOP = LoopOptions(
    steps=8, batch_size=2, learning_rate=1e-2, weight_decay=0.0, warmup=0, ema=0.0, workers=0, precision="32",
    accelerator="cpu", picture_every=8, save_every=1000, log_every=10, validate_every=0,
)  # fmt: skip


class OneFace(nn.Module):
    """Stands for the network of the coefficients: it reads the same of every crop, and counts what it has seen."""

    def __init__(self):
        super().__init__()
        self.values = nn.Parameter(coefficients(1))
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.values.expand(len(x), -1) + 0 * self.norm(x).mean((1, 2, 3))[:, None]


class Nothing(nn.Module):
    """Stands for a network that is handed on as it is."""

    def __init__(self):
        super().__init__()
        self.kept = nn.Parameter(torch.ones(1))


@pytest.fixture
def small(monkeypatch):
    """Networks of few channels behind files that exist, and two rows."""
    monkeypatch.setattr(retouching, "ENCODER", (4, 4, 8, 8, 8))
    monkeypatch.setattr(retouching, "DECODER", (8, 4, 4, 4))
    monkeypatch.setattr(recipe, "RETOUCHING_SIDE", 64)
    networks = [None]

    def load(_):
        torch.manual_seed(5)
        return HRNNetworks(OneFace(), Nothing(), Nothing(), alpha=0.2, beta=0.3, retouching=networks[0])

    monkeypatch.setattr(recipe.weights, "load", load)
    monkeypatch.setattr(recipe.bfm, "read", lambda _: basel_twin.model())
    faces = [row_of(observed(k), hrn(MENDED)) for k in (0, 2)]
    pairs = [paired(row, hrn(MENDED).model) for row in faces]

    def rows(options):
        found = pairs if options.stage == "retouching" else faces
        return found, found[:1]

    monkeypatch.setattr(recipe, "rows", rows)
    return networks


def batch_of(options):
    return {name: torch.from_numpy(value) for name, value in recipe.batches(options, 2, 0).batch(0).items()}


@pytest.mark.parametrize("stage", recipe.STAGES)
def test_the_stage_is_learned_and_all_networks_come_back(small, tmp_path, stage):
    options = HRNFirstOptions(stage=stage)
    with torch.no_grad():
        before = recipe.validate(build_network(options).eval(), options)
    after = train(RECIPE, options, LOOP, tmp_path / "out")
    assert after["score"] < before["score"] and set(after) == set(before)
    done = export(tmp_path / "out" / checkpoint.LAST, tmp_path / "mine.safetensors", RECIPE)
    with safe_open(done, framework="pt") as file:
        keys, facts = set(file.keys()), file.metadata()
        assert (file.get_tensor("alpha").item(), file.get_tensor("beta").item()) == pytest.approx((0.2, 0.3))
        taught = file.get_tensor("net_recon.values")
    assert {"mid_net.kept", "high_net.kept"} <= keys and facts["network"] == "hrn"
    assert any(key.startswith("retouching.") for key in keys) == (stage == "retouching")
    assert torch.equal(taught, coefficients(1)) == (stage == "retouching")
    assert ("retouching" in facts["parts"]) == (stage == "retouching")


def test_coefficients_are_pulled_by_photo_landmarks_and_priors(small):
    options = HRNFirstOptions()
    network = build_network(options)
    total, measures = loss(network, batch_of(options), options)
    total.backward()
    pulled = recipe.split(network.taught.values.grad)
    for name in ("identity", "expression", "albedo", "angles", "light", "translation"):
        assert getattr(pulled, name).abs().sum() > 0, name
    assert set(measures) == {"photo", "marks"}


def test_a_face_in_its_own_picture_costs_least(small):
    """Colours of the drawn face as photo: only the priors are left, and another pose costs more."""
    options = HRNFirstOptions()
    network, batch = build_network(options).eval(), batch_of(options)
    model, found = network.face(), recipe.split(coefficients(1))
    points, _, colours = recipe.lit(model, found)
    seen = recipe.raster(model, points[0], recipe.SIDE, 256)
    own = {name: value[:1] for name, value in batch.items()}
    own["small"] = (255 * seen.look(colours)).clamp(0, 255)
    own["mask"] = 255 * seen.mask
    own["marks"] = recipe.project(points[:, model.landmarks])
    _, measures = recipe.coefficients_loss(model, found, own)
    turned = replace(found, angles=found.angles + 0.1)
    _, worse = recipe.coefficients_loss(model, turned, own)
    assert measures["marks"] < 1e-6 and measures["photo"] < 0.5 * worse["photo"] and worse["marks"] > 1
    assert rotation(turned.angles).shape == (1, 3, 3)


def test_statistics_stay_where_the_network_is_known(small):
    network = build_network(HRNFirstOptions()).train()
    assert not network.taught.training and network.taught.values.requires_grad
    fresh = build_network(HRNFirstOptions(stage="retouching")).train()
    assert fresh.fresh and fresh.taught.training
    small[0] = fresh.taught
    assert not build_network(HRNFirstOptions(stage="retouching")).train().taught.training


def test_a_pair_differs_by_lines_and_moles_not_by_edges():
    texture = np.full((64, 64, 3), 180, np.uint8)
    texture[:, 32:] = 60
    texture[20:22, 4:24] = 165  # a line
    smooth = recipe.retouched(texture).astype(int)
    assert np.abs(smooth[21, 12] - 180).max() <= 8  # of 15
    assert smooth[40, 31].min() > 165 and smooth[40, 32].max() < 75  # of 120


def test_the_layer_that_retouches_is_the_target(small):
    options = HRNFirstOptions(stage="retouching")
    batch = batch_of(options)
    layer = recipe.blend_target(batch["texture"] / 255, batch["retouched"] / 255)
    total, measures = recipe.retouching_loss(layer, batch)
    assert total == 0 and measures["colours"] < 0.05
    assert recipe.retouching_loss(torch.full_like(layer, 0.2), batch)[0] > 0.1


@pytest.mark.parametrize(("stage", "size"), [("coefficients", (448, 448, 3)), ("retouching", (768, 512, 3))])
def test_a_picture_shows_what_was_learned(small, stage, size):
    options = HRNFirstOptions(stage=stage)
    drawn = picture(build_network(options).eval(), batch_of(options))
    assert drawn.shape == size and drawn.dtype == np.uint8


def test_what_is_wrong_is_said():
    recipe.rows.cache_clear()
    with pytest.raises(BadInput, match="weights convert hrn"):
        recipe.rows(HRNFirstOptions(weights="nowhere.safetensors"))
    with pytest.raises(BadInput, match="wanted coefficients, retouching"):
        HRNFirstOptions(stage="all")
    assert issubclass(HRNFirst, nn.Module)
