"""HRN taught further: it begins as it was, only the two generators learn, the loss falls, and the file comes back."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import basel_twin
import scanned_twin
from hrn_by_seed import coefficients, hrn, observed
from maquette.core.errors import BadInput
from maquette.reconstruction.hrn import detail
from maquette.reconstruction.hrn.networks import discriminator, generator
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training import checkpoint
from maquette.training.datasets.hrn.faces import row_of
from maquette.training.datasets.hrn.scans import truth_of
from maquette.training.loop import train
from maquette.training.optimise import moving
from maquette.training.options import LoopOptions
from maquette.training.recipes.hrn import detail as recipe
from maquette.training.recipes.hrn.detail import RECIPE, HRNDetail, HRNOptions, adam, build_network, loss, picture
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
    """Networks of few channels behind files that exist, and two rows."""
    monkeypatch.setattr(generator, "WIDTH", 4)
    monkeypatch.setattr(discriminator, "WIDTH", 8)
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
        levels = network(*given)
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
        (levels.deformation, mid.deformation),
        (levels.displacement, high.displacement),
        (levels.points, mid.points),
        (levels.middle, mid.colours),
        (levels.finest, high.colours),
        (levels.position, mid.position),
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


@pytest.fixture
def scans(small, monkeypatch):
    """One row with its scan, to learn from and held out."""
    options, rows = small
    row = rows[0] | truth_of(hrn(MENDED).model, rows[0], scanned_twin.scan())
    monkeypatch.setattr(recipe, "rows", lambda _: ([row], [row]))
    return options, [row]


def test_the_true_maps_bring_the_face_onto_the_scan(scans):
    """What a perfect network would draw: but for the soft edge of the mask little is left."""
    options, rows = scans
    network, batch = build_network(options).eval(), batch_of(rows)
    batch["valid"] = torch.ones_like(batch["valid"])
    measured = []
    for share in (0.0, 1.0):
        deformation, displacement, _ = recipe.truth_of(batch)
        levels = network(*recipe.given(batch))
        model, found = network.face(), recipe.split(batch["coefficients"])
        shape = model.shape(found.identity, found.expression)
        bent = share * deformation * recipe.at_middle(batch["valid"].float())
        mid = detail.deformed(model, found, shape, bent, batch["albedo"].float())
        relief = share * displacement * batch["valid"].float()
        drawn = replace(
            levels, deformation=bent, displacement=relief, position=mid.position, normals=mid.normal_map
        )  # fmt: skip
        total, measures = recipe.scan_terms(drawn, batch)
        measured.append({"total": total.item(), **{name: value.item() for name, value in measures.items()}})
    before, after = measured
    assert before["surface_mm"] == before["relief_mm"] > 1.5 > 0.4 > after["surface_mm"] > after["relief_mm"]
    assert after["relief_mm"] < 0.1 and after["maps_mm"] < 1e-6 and after["normals"] < 0.25 * before["normals"]


@pytest.mark.slow
def test_a_scan_is_learned(scans, tmp_path):
    """Overfits one person: loss and distance to the scan fall."""
    options, _ = scans
    loop = LoopOptions(
        steps=12, batch_size=1, learning_rate=2e-2, weight_decay=0.0, warmup=0, ema=0.0, workers=0, precision="32",
        accelerator="cpu", picture_every=0, save_every=1000, log_every=12, validate_every=0,
    )  # fmt: skip
    with torch.no_grad():
        before = recipe.validate(build_network(options).eval(), options)
    after = train(RECIPE, options, loop, tmp_path / "out")
    assert set(after) == {
        *("score", "middle", "finest", "contour", "smooth", "surface_mm", "relief_mm", "normals", "maps_mm")
    }  # fmt: skip
    assert after["score"] < before["score"] and after["surface_mm"] < 0.8 * before["surface_mm"]
    assert after["relief_mm"] < 0.8 * before["relief_mm"] and after["maps_mm"] < before["maps_mm"]


@pytest.mark.slow
def test_adversaries_learn_to_tell_drawn_maps_and_move_what_draws(scans):
    options, rows = scans
    options = replace(options, adversarial=1.0)
    torch.manual_seed(0)
    network, batch = build_network(options).train(), batch_of(rows)
    optimizer = adam(network, replace(RECIPE.loop, learning_rate=1e-3))
    assert [len(group["params"]) for group in optimizer.param_groups] == [2 * 48 + 2, 20]
    assert optimizer.param_groups[1]["share"] == 2 and optimizer.param_groups[1]["betas"] == (0.5, 0.999)
    own = [{"mid_net", "high_net", "alpha", "beta"}, {"judges"}]
    judged = []
    for _ in range(6):
        for turn, moves in zip(RECIPE.turns_of(options), own, strict=True):
            before = copy.deepcopy(network.state_dict())
            with moving(network, turn.moves):
                total, measures = turn.loss(network, batch, options)
                total.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            after = network.state_dict()
            assert {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])} == moves
        judged.append(total.item())
    assert set(measures) == {"judge_middle", "judge_finest"} and judged[-1] < 0.8 * judged[0]


def test_the_adversaries_alone_move_what_draws(scans):
    """Their part of the loss has a gradient of its own in both networks."""
    options, rows = scans
    options = replace(options, adversarial=1.0)
    network, batch = build_network(options).eval(), batch_of(rows)
    with moving(network, RECIPE.moves):
        levels = network(*recipe.given(batch), recipe.truth_of(batch))
        torch.stack([(scores - 1).square().mean() for scores in levels.drawn]).sum().backward()
    pulled = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert pulled == {"mid_net", "high_net", "alpha", "beta"}


def test_adversaries_come_through_a_training_and_are_not_exported(scans, tmp_path):
    options, _ = scans
    options = replace(options, adversarial=1.0)
    loop = LoopOptions(
        steps=1, batch_size=1, workers=0, precision="32", accelerator="cpu", picture_every=0, save_every=1000,
        validate_every=0,
    )  # fmt: skip
    train(RECIPE, options, loop, tmp_path / "out")
    header = (tmp_path / "out" / "train.csv").read_text().splitlines()[0]
    assert "adversaries" in header and "judge_finest" in header and "surface_mm" in header
    done = export(tmp_path / "out" / checkpoint.LAST, tmp_path / "mine.safetensors", RECIPE)
    with safe_open(done, framework="pt") as file:
        assert not any("judges" in key for key in file.keys())


def test_adversaries_need_scans(small, monkeypatch, tmp_path):
    monkeypatch.undo()
    recipe.rows.cache_clear()
    (tmp_path / "hrn.safetensors").touch()
    with pytest.raises(BadInput, match="adversaries need the true maps"):
        recipe.rows(HRNOptions(str(tmp_path), str(tmp_path / "hrn.safetensors"), adversarial=1.0))
    with pytest.raises(BadInput, match="wanted 0 or more"):
        HRNOptions(adversarial=-1)


def test_weights_that_are_not_there_are_said():
    recipe.rows.cache_clear()
    with pytest.raises(BadInput, match="weights convert hrn"):
        recipe.rows(HRNOptions(weights="nowhere.safetensors"))
    assert issubclass(HRNDetail, nn.Module)
