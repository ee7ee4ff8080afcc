"""The recipe of the small PIFuHD: its loss by hand, its mirror, its batches, and that it learns and comes back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import dolls
from far_device import taught_there
from maquette.core.errors import BadInput
from maquette.geometry.rendering.sides import sides
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.shipped import load_any
from maquette.training.datasets.persons import PersonSamples, mirrored, resized, shards_of
from maquette.training.recipes import pifuhd

SIDE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return dolls.write(tmp_path_factory.mktemp("dolls") / "people", 4, SIDE)


@pytest.fixture
def options(folder, monkeypatch) -> pifuhd.PIFuHDOptions:
    monkeypatch.setattr(pifuhd, "SIDE", SIDE)
    return pifuhd.PIFuHDOptions(data=str(folder), points=512)


def tensors(batch):
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def test_the_loss_of_four_points_by_hand():
    """Reference, acceptance check 10."""
    p, y = torch.tensor([[0.8, 0.3, 0.6, 0.9]]), torch.tensor([[1.0, 0, 1, 0]])
    all_in = torch.ones(1, 4, dtype=torch.bool)
    # Half of the four are outside: either side has the weight 1 / 2.
    whole = -(0.5 * math.log(0.8) + 0.5 * math.log(0.7) + 0.5 * math.log(0.6) + 0.5 * math.log(0.1)) / 4
    assert float(pifuhd.extended_bce(p, y, all_in)) == pytest.approx(whole, rel=1e-5)
    # The last point lies beside the crop: of the three others a third is outside, and each weighs 4 / 3.
    crop = torch.tensor([[True, True, True, False]])
    part = -(4 / 3) * (math.log(0.8) / 3 + 2 * math.log(0.7) / 3 + math.log(0.6) / 3) / 4
    assert float(pifuhd.extended_bce(p, y, crop)) == pytest.approx(part, rel=1e-5)
    both = pifuhd.extended_bce(p.repeat(2, 1), y.repeat(2, 1), torch.cat((all_in, crop)))
    assert float(both) == pytest.approx((whole + part) / 2, rel=1e-5), "examples weigh the same"


def test_the_loss_has_the_gradient_that_differences_tell():
    rng = np.random.default_rng(0)
    p = torch.tensor(rng.uniform(0.05, 0.95, (3, 7)), requires_grad=True)
    y, counted = torch.tensor(rng.integers(0, 2, (3, 7)).astype(float)), torch.tensor(rng.random((3, 7)) < 0.7)
    assert torch.autograd.gradcheck(lambda x: pifuhd.extended_bce(x, y, counted), p)
    slope = torch.autograd.grad(pifuhd.extended_bce(p, y, counted), p)[0]
    assert not slope[~counted].any(), "points beside the crop pull nothing"
    wrong = torch.tensor([[0.0, 1.0]])
    assert torch.isfinite(pifuhd.extended_bce(wrong, torch.tensor([[1.0, 0.0]]), torch.ones(1, 2, dtype=torch.bool)))


def test_each_side_weighs_the_others_share():
    """At an even guess nothing pulls the mean of all points to either side, however few are inside."""
    y = (torch.arange(100) < 7).float()[None]
    logits = torch.zeros(1, 100, requires_grad=True)
    loss = pifuhd.extended_bce(torch.sigmoid(logits), y, torch.ones(1, 100, dtype=torch.bool))
    slope = torch.autograd.grad(loss, logits)[0][0]
    assert float(slope[:7].sum()) == pytest.approx(-float(slope[7:].sum()), rel=1e-4)


def test_a_mirror_twice_is_none_and_once_is_the_mirrored_person(folder):
    data = PersonSamples(shards_of(str(folder), 1, 0), 300, SIDE, augment=False)
    row = {name: value[0] for name, value in data.batch(0).items()}
    for name in ("picture", "body", "normals"):
        row[name] = row[name].transpose(1, 2, 0)
    once, twice = mirrored(row), mirrored(mirrored(row))
    assert all(np.array_equal(row[name], twice[name]) for name in row)
    assert not np.array_equal(once["picture"], row["picture"])
    vertices, faces = dolls.body(0)
    made = dolls.example(0, SIDE)
    turned = sides(vertices * [-1, 1, 1], faces[:, [0, 2, 1]], SIDE)
    stored = {"body": np.dstack([made[f"body_normals_{s}"].astype(np.float32) / 127 for s in ("front", "back")])}
    stored["body"] = np.dstack([stored["body"]] + [made[f"body_depth_{s}"] for s in ("front", "back")])
    here = mirrored(row | stored)["body"]
    wanted = np.dstack([turned[f"normals_{s}"].astype(np.float32) / 127 for s in ("front", "back")])
    wanted = np.dstack([wanted] + [turned[f"depth_{s}"] for s in ("front", "back")])
    # A few pixels of the outline fall to the other side of an edge.
    assert (np.abs(here - wanted).max(axis=2) < 0.02).mean() > 0.985


def test_points_stay_on_their_person_in_a_mirror(options):
    """Where the fitted body's maps say that a column holds no cloth nor skin, nobody is inside, mirrored or not."""
    data = pifuhd.batches(options, 4, 5)
    for number in range(4):
        batch = data.batch(number)
        for k in range(4):
            x, y = batch["points"][k, :, 0], batch["points"][k, :, 1]
            column, row = (((v + 1) * SIDE / 2).astype(int).clip(0, SIDE - 1) for v in (x, -y))
            off = batch["shown"][k, row, column] == 0
            assert batch["inside"][k][off].mean() < 0.2 < batch["inside"][k][~off].mean()
            deep = batch["distance"][k] < -0.03
            assert (batch["body"][k, 6, row, column] + 0.05 > batch["points"][k, :, 2])[deep].all()


def test_a_batch_depends_on_its_number_alone(options):
    first, again = pifuhd.batches(options, 3, 3), pifuhd.batches(options, 3, 3)
    first.batch(0)
    a, b, other = first.batch(5), again.batch(5), again.batch(6)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["picture"], other["picture"])
    assert a["picture"].shape == (3, 4, SIDE, SIDE) and a["body"].shape == (3, 8, SIDE, SIDE)
    assert a["points"].shape == (3, 512, 3) and all(value.dtype == np.float32 for value in a.values())
    assert (a["picture"][:, :3].max(axis=1) <= a["picture"][:, 3] + 1e-6).all(), "black off the mask"


def test_maps_shrink_without_moving():
    ramp = np.tile(np.arange(256, dtype=np.float32) + 0.5, (256, 1))
    picked = resized(ramp, 192) * 192 / 256
    assert abs((picked - (np.arange(192) + 0.5)).mean()) < 0.13, "INTER_NEAREST moves by 0.375"
    assert resized(ramp, 256) is ramp


def test_without_the_body_nothing_shows_it(options):
    batch = pifuhd.batches(replace(options, body=False), 2, 0).batch(0)
    assert not batch["body"].any() and not batch["distance"].any() and batch["inside"].any()


def test_it_learns_and_comes_back_the_same(options, tmp_path):
    torch.manual_seed(0)
    network = pifuhd.build_network(options)
    data = pifuhd.batches(options, 2, 0)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for number in range(6):
        total, measures = pifuhd.loss(network, tensors(data.batch(number % 2)), options)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(float(total.detach()))
    assert min(losses[-2:]) < 0.93 * losses[0] and 0 < measures["right"] <= 1
    network.eval().requires_grad_(False)
    scores = pifuhd.validate(network, options)
    assert set(scores) == {"score", "iou", "body_iou", "normal_degrees"} and 0 < scores["body_iou"] < 1
    drawn = pifuhd.picture(network, tensors(data.batch(0)))
    assert drawn.shape == (5 * SIDE, 2 * SIDE, 3) and drawn.dtype == np.uint8
    found, facts = pifuhd.export(network)
    path = tmp_path / "mine.safetensors"
    example = pifuhd.example(options, np.random.default_rng(0))
    wanted = network(*example)
    # One tensor of two names is written twice. As written directly, and as the publishing tool nests it.
    for metadata in (facts, {"facts": json.dumps(facts)}):
        save_file({key: value.clone() for key, value in found.items()}, path, metadata)
        again = load_any(path)
        assert isinstance(again, BodyPIFuHD) and again.size == network.size
        assert all((a - b).abs().max() < 1e-6 for a, b in zip(again(*example), wanted))


def test_the_untaught_network_is_the_body(options):
    torch.manual_seed(0)
    network = pifuhd.build_network(options).eval()
    batch = tensors(pifuhd.batches(options, 2, 0).batch(0))
    fine, coarse, normals = network(*(batch[name] for name in ("picture", "body", "points", "distance")))
    clear = batch["distance"].abs() > 0.01
    for logits in (fine, coarse):
        assert ((logits > 0) == (batch["distance"] < 0))[clear].float().mean() > 0.97
    length = normals.unflatten(1, (2, 3)).norm(dim=2)
    assert torch.allclose(length, batch["picture"][:, 3:4].expand_as(length), atol=1e-4)


@pytest.mark.parametrize("stage,trained", [("normals", "normals"), ("coarse", "coarse"), ("fine", "fine")])
def test_a_stage_trains_its_part_alone(options, stage, trained):
    network = pifuhd.build_network(replace(options, stage=stage))
    learning = {name.split(".")[0].split("_")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {trained}


@pytest.mark.parametrize("wrong", [{"stage": "middle"}, {"points": 0}])
def test_bad_options_are_refused(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        pifuhd.PIFuHDOptions(**wrong)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match="found none"):
        pifuhd.batches(pifuhd.PIFuHDOptions(data=str(tmp_path)), 2, 0)


def test_the_size_ships_small():
    assert sum(p.numel() for p in BodyPIFuHD(BodySize()).parameters()) * 2 < 8 * 2**20


def test_it_learns_on_another_device(options):
    assert taught_there(pifuhd.RECIPE, options)["convolution_backward"]
