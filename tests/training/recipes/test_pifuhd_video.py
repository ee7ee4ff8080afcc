"""Tuning to one's own clip: the loss by known answers, and outlines that come nearer to the masks."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import dolls
from clips import write_clip
from far_device import taught_there
from maquette.core.errors import BadInput, NothingFound, WeightsMissing
from maquette.geometry.surfaces.distance import DistanceGrid
from maquette.perception.tracking.sighting import sighted
from maquette.perception.tracking.watch import Watched
from maquette.reconstruction.pifuhd import method
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.shipped import SMALL
from maquette.training.recipes import pifuhd, pifuhd_video
from maquette.training.recipes.pifuhd_video import ClipFrames, distance_at, rim, views

SIDE = 64


def untrained(side: int = SIDE) -> BodyPIFuHD:
    """Weights that say: the body."""
    torch.manual_seed(0)
    network = BodyPIFuHD(BodySize(side=side))
    network.load_state_dict(pifuhd.build_network(pifuhd.PIFuHDOptions()).state_dict())
    return network


def clothed():
    """The standing doll with an outline five pixels wider below the neck, as of a coat."""
    placement, seen = dolls.seen()
    wide = cv2.dilate(seen.mask, np.ones((11, 11)))
    wide[:80] = seen.mask[:80]
    return placement, replace(dolls.observation(wide, seen.landmarks[:, :2], 0.0), landmarks=seen.landmarks)


@pytest.fixture(scope="module")
def frames():
    placement, seen = clothed()
    return tuple(views(placement, [seen], untrained().eval()))


def tensors(batch):
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def test_what_is_kept_of_a_frame(frames):
    placement, seen = clothed()
    (view,) = frames
    assert view["picture"].shape == (4, SIDE, SIDE) and view["body"].shape == (8, SIDE, SIDE)
    assert view["volume"].shape == (96, 96, 96) and view["held"].shape == (pifuhd_video.HELD,)
    assert sum(value.nbytes for value in view.values()) < 2.2e6
    standing = method.observed_body(placement, 0, seen)
    assert np.abs(standing.cube(seen).to_cube(standing.body.vertices.astype(float))).max() < 1
    agree = (view["held"] > 0.5) == (view["distance"] < 0)
    assert agree[np.abs(view["distance"]) > 0.01].mean() > 0.97, "the starting weights say: the body"
    empty = replace(seen, mask=0 * seen.mask)
    assert not list(views(placement, [None], untrained())) and not list(views(placement, [empty], untrained()))


def test_distances_are_those_of_the_grid():
    values = np.random.default_rng(0).random((7, 7, 7)).astype(np.float32)
    points = np.random.default_rng(1).uniform(-1.2, 1.2, (200, 3)).astype(np.float32)
    found = distance_at(torch.from_numpy(values), torch.from_numpy(points)).numpy()
    assert np.allclose(found, DistanceGrid(values)(points), atol=1e-5)


def test_columns_lie_where_the_mask_was_read(frames):
    batch = ClipFrames(frames, 2, 0).batch(3)
    mask = frames[0]["picture"][3].astype(np.float32)
    for k in range(2):
        x, y = batch["columns"][k].T
        column, row = ((x + 1) * SIDE / 2).astype(int), ((1 - y) * SIDE / 2).astype(int)
        assert np.array_equal(mask[row, column], batch["wanted"][k])
    assert 0.1 < (batch["wanted"] > 0.5).mean() < 0.7
    assert np.abs(batch["depths"]).max() < pifuhd_video.DEEP * 1.05


def test_a_batch_depends_on_its_number_alone(frames):
    first, again = ClipFrames(frames, 2, 1), ClipFrames(frames, 2, 1)
    first.batch(0)
    a, b, other = first.batch(4), again.batch(4), again.batch(5)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["columns"], other["columns"])
    assert all(value.dtype == np.float32 for value in a.values())


def test_the_rim_is_where_the_mask_ends():
    mask = np.zeros((100, 100), np.float32)
    mask[30:70, 30:70] = 1
    found = rim(mask)
    assert 0 < len(found) < 2500 and not ((found > 35) & (found < 64)).all(axis=1).any()
    assert len(rim(0 * mask)) == len(rim(0 * mask + 1)) == 10_000


def test_a_field_that_did_not_move_and_fits_costs_little(frames):
    """Wanted as the starting weights draw it, the loss is that of a soft rim; with a wider mask it is more."""
    network = untrained().eval()
    batch = tensors(ClipFrames(frames, 1, 0).batch(0))
    wider, measures = pifuhd_video.loss(network, batch)
    assert float(measures["moved"]) < 1e-5 and float(wider.detach()) == pytest.approx(
        1 - float(measures["overlap"]), abs=1e-4
    )
    field = pifuhd_video.field_of(network, batch, 0)
    with torch.no_grad():
        own = pifuhd_video.silhouette_of_field(field, batch["columns"][0], batch["depths"][0])
    same, _ = pifuhd_video.loss(network, batch | {"wanted": own[None]})
    assert float(same.detach()) < 1e-4 < 0.1 < float(wider.detach())
    wider.backward()
    pulled = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert "fine_points" in pulled and "coarse" in pulled and "normals" not in pulled


@pytest.mark.slow
def test_the_outline_comes_nearer_to_the_mask(frames):
    network = untrained()
    before = pifuhd_video.validate(network, frames)
    assert 0.5 < before["iou"] < 0.85 and before["moved"] < 1e-4
    data, optimiser = ClipFrames(frames, 1, 0), torch.optim.AdamW(network.parameters(), 3e-3)
    for number in range(18):
        total, _ = pifuhd_video.loss(network, tensors(data.batch(number)))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    after = pifuhd_video.validate(network, frames)
    assert after["iou"] > before["iou"] + 0.04 and after["score"] == pytest.approx(1 - after["iou"])
    assert after["moved"] < 0.2


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A clip of the doll, and stand-ins for perception and the fit, which take minutes."""
    placement, seen = clothed()
    pixels = seen.frame.pixels
    clip = write_clip(tmp_path / "doll.mp4", [pixels] * 3)
    sights = [sighted(replace(seen, frame=replace(seen.frame, time=k / 25)), k) for k in range(3)]
    sights[1] = replace(sights[1], flags=("blurred: as drawn",))
    monkeypatch.setattr(pifuhd_video, "watch", lambda *_: Watched({0: sights}))
    names = ("rotations", "translation", "root", "view", "pitch", "pixels_per_metre", "spot", "distance")
    thrice = replace(placement, **{name: np.repeat(getattr(placement, name), 3, axis=0) for name in names})
    monkeypatch.setattr(pifuhd_video, "fitted", lambda *_: thrice)
    pifuhd_video.clip_views.cache_clear()
    weights = tmp_path / "start.safetensors"
    network = untrained(BodySize().side)
    metadata = {"network": SMALL, "size": json.dumps(asdict(network.size))}
    save_file({key: value.clone() for key, value in network.state_dict().items()}, weights, metadata)
    yield SimpleNamespace(clip=clip, weights=weights, network=network)
    pifuhd_video.clip_views.cache_clear()


def test_the_recipe_learns_from_a_clip(drawn):
    options = pifuhd.PIFuHDOptions(video=str(drawn.clip), start_from=str(drawn.weights))
    data = pifuhd.batches(options, 1, 0)
    assert len(data) == 2, "flagged frames are left out"
    network = pifuhd.build_network(options)
    state = drawn.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    batch = tensors(data.batch(0))
    total, measures = pifuhd.loss(network, batch, options)
    assert 0 < float(total.detach()) < 1 and set(measures) == {"overlap", "moved"}
    with torch.no_grad():
        assert set(pifuhd.validate(network, options)) == {"score", "iou", "moved"}
        assert pifuhd.picture(network, batch).shape == (3 * 192, 192, 3)


def test_without_anybody_or_weights_it_says_so(drawn, monkeypatch):
    options = pifuhd.PIFuHDOptions(video=str(drawn.clip), start_from=str(drawn.weights))
    monkeypatch.setattr(pifuhd_video, "watch", lambda *_: Watched({}, {0: 0.0}))
    with pytest.raises(NothingFound, match="nobody is clearly seen in 1 frames"):
        pifuhd.batches(options, 1, 0)
    with pytest.raises(BadInput, match="no such file"):
        pifuhd.batches(replace(options, start_from="none.safetensors"), 1, 0)
    monkeypatch.setattr(pifuhd, "SHIPPED", "not-there")
    with pytest.raises(WeightsMissing, match="not-there"):
        pifuhd.batches(replace(options, start_from=""), 1, 0)
    with pytest.raises(BadInput, match="every 0"):
        pifuhd.PIFuHDOptions(every=0)


def test_it_learns_from_a_clip_on_another_device(drawn):
    options = pifuhd.PIFuHDOptions(video=str(drawn.clip), start_from=str(drawn.weights))
    assert taught_there(pifuhd.RECIPE, options, 1)["convolution_backward"]
