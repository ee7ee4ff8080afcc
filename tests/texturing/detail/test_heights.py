"""Heights of a face's folds from its photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import TextureOptions
from maquette.texturing.detail import heights
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.heights import fold_normals, folds_of, mirrored, unfolded
from maquette.texturing.head.bake import bake
from maquette.texturing.head.skin.relief import FLAT
from maquette.texturing.head.texture import finish_head

FOLD_M = 4e-4


@pytest.fixture(scope="module")
def chart(model):
    return detail_chart(model.name)


@pytest.fixture
def one_fold(monkeypatch, chart):
    """A network that sees one fold across the forehead, wherever skin is seen."""
    y = chart.zones[5]
    line = (-FOLD_M * np.exp(-(((y - 0.55) / 0.01) ** 2))).astype(np.float32)
    monkeypatch.setattr(heights, "read_folds", lambda seen, _: (line * (seen.weight > 0.2), np.zeros_like(line)))
    return line


def seen_from(model, chart, photograph, *yaws):
    shots = [photograph(yaw) for yaw in yaws]
    baked = [bake(seen, camera, model.mean, chart.layers) for seen, camera in shots]
    return baked, [camera for _, camera in shots], [model.mean] * len(shots)


def test_even_skin_has_no_folds(model, chart, photograph):
    """The shipped network on a face whose colours vary as no fold does."""
    shown = seen_from(model, chart, photograph, 0.0)
    found = folds_of(*shown, [np.ones((4, 4))], model.name)
    sure = found.sure > 0.9
    assert sure.mean() > 0.15
    assert np.sqrt((found.height[sure] ** 2).mean()) < 2.5e-5


def test_the_side_that_is_hidden_has_the_others_folds_and_nobody_is_sure_of_them(model, chart, photograph, one_fold):
    found = folds_of(*seen_from(model, chart, photograph, 1.0), [np.ones((4, 4))], model.name)
    hidden = (found.sure == 0) & (mirrored(found.sure, chart) > 0.9) & (one_fold < -0.5 * FOLD_M)
    assert hidden.sum() > 50
    assert np.median(found.height[hidden]) < -0.4 * FOLD_M


def test_what_the_expression_folds_is_left_out(model, chart, photograph, one_fold):
    shown = seen_from(model, chart, photograph, 0.0)
    whole, none = (folds_of(*shown, [np.full((4, 4), share)], model.name) for share in (1.0, 0.0))
    assert whole.height.min() < -0.8 * FOLD_M and (none.height == 0).all()


def test_the_sharper_photo_counts_more(model, chart, photograph, monkeypatch):
    monkeypatch.setattr(
        heights, "read_folds", lambda seen, _: (np.full_like(seen.weight, seen.pixel.min()), seen.weight)
    )
    monkeypatch.setattr(heights, "depth_of", lambda *_: 1.0)
    near, far = photograph(0.0), photograph(0.0)
    half = replace(far[1], intrinsics=np.diag([0.5, 0.5, 1]) @ far[1].intrinsics)
    baked = [bake(near[0], near[1], model.mean, chart.layers)] * 2
    found = folds_of(baked, [near[1], half], [model.mean] * 2, [np.ones((4, 4))] * 2, model.name)
    sharp, blurred = (photo.pixel.min() for photo in found.photos)
    middle = np.median(found.height[found.sure > 0.95])
    assert sharp < middle < sharp + 0.35 * (blurred - sharp)


def test_normals_tilt_at_the_fold_alone(model, chart, photograph, one_fold):
    found = folds_of(*seen_from(model, chart, photograph, 0.0), [np.ones((4, 4))], model.name)
    normals = fold_normals(found)
    tilted = np.abs(normals.astype(int) - FLAT)[..., 1] > 12
    assert 0.001 < tilted.mean() < 0.1 and fold_normals(None) is None


def test_the_folds_shading_leaves_the_colours(model, chart, photograph, one_fold):
    baked, cameras, posed = seen_from(model, chart, photograph, 0.0)
    found = folds_of(baked, cameras, posed, [np.ones((4, 4))], model.name)
    seen = replace(found.photos[0], response=np.ones((*one_fold.shape, 2), np.float32))
    after = unfolded(baked[0], seen, found.heights[0], chart)
    change = after.colour.astype(int) - baked[0].colour
    assert change.min() < -4 and change.max() > 4, "one slope had been brighter, the other darker"
    still = np.abs(chart.cut(chart.sized(change.mean(axis=2))))[np.abs(one_fold) < 1e-6 * FOLD_M]
    assert still.max() < 1.5


def test_a_head_gets_heights_and_normals_unless_none_are_wanted(photograph, reconstruct):
    seen, camera = photograph(0.1)
    made = reconstruct([camera])
    full, plain = (
        finish_head(made, [seen], TextureOptions(texture_size=256, detail=detail)).shape for detail in ("auto", "none")
    )
    assert full.displacement_map is not None and full.normal_map is not None
    assert plain.displacement_map is None and plain.normal_map is None


def test_the_photo_that_shows_more_of_the_folds_counts_more(model, chart, photograph, monkeypatch):
    """A blurred photo that was enlarged has as many pixels as a sharp one."""
    line = (-FOLD_M * np.exp(-(((chart.zones[5] - 0.55) / 0.01) ** 2))).astype(np.float32)
    faint = iter((1.0, 0.3))
    monkeypatch.setattr(heights, "read_folds", lambda *_: (line * next(faint), np.full_like(line, 1e-5)))
    found = folds_of(*seen_from(model, chart, photograph, 0.0, 0.0), [np.ones((4, 4))] * 2, model.name)
    deep = (line < -0.9 * FOLD_M) & (found.sure > 0.95)
    assert np.median(found.height[deep] / line[deep]) > 0.9
    assert np.nanmax(found.error) == pytest.approx(1e-5, rel=0.01) and np.isnan(found.error[found.sure == 0]).all()
