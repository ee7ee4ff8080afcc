"""What a photo says of folds."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.mesh import vertex_normals
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.evidence import evidence_of, light_response
from maquette.texturing.head.bake import bake


@pytest.fixture(scope="module")
def chart(model):
    return detail_chart(model.name)


def test_the_chart_shows_the_face_in_texels_that_are_about_square(chart):
    down, right = chart.texel
    assert 0.5 < down / right < 1.5 and max(down, right) < 6e-4
    window = chart.cut(np.ones(chart.shape, bool))
    assert window.shape == chart.free.shape == chart.zones.shape[1:] == chart.length.shape[:2]
    assert all(side % 4 == 0 for side in window.shape)


def test_even_skin_says_nothing_and_its_pixels_have_their_size(model, chart, photograph):
    seen, camera = photograph(0.0)
    found = evidence_of(bake(seen, camera, model.mean, chart.layers), camera, model.mean, chart)
    sure = found.weight > 0.8
    assert sure.mean() > 0.2
    assert np.abs(found.fine[sure]).mean() < 0.03
    wide = 0.6 / camera.intrinsics[0, 0]  # metres a pixel where the surface stands across
    nose = np.median(found.pixel[sure & (chart.zones[4] ** 2 < 0.04)])
    assert 0.7 * wide < nose < 1.5 * wide


def test_a_dark_line_is_dark_in_the_chart(model, chart, photograph):
    from dataclasses import replace

    seen, camera = photograph(0.0)
    pixels = seen.frame.pixels.copy()
    row = int(camera.intrinsics[1, 2] - 0.055 / 0.6 * camera.intrinsics[1, 1])  # across the forehead
    pixels[row : row + 2, 130:190] = (0.7 * pixels[row : row + 2, 130:190]).astype(np.uint8)
    lined = replace(seen, frame=replace(seen.frame, pixels=pixels))
    plain, found = (
        evidence_of(bake(s, camera, model.mean, chart.layers), camera, model.mean, chart) for s in (seen, lined)
    )
    change = np.where(found.weight > 0.5, found.fine - plain.fine, 0)
    assert change.min() < -0.15 and np.abs(change).mean() < 0.02


def test_light_from_above_makes_slopes_that_face_up_brighter(model, chart):
    normals = chart.spread(vertex_normals(model.mean, model.faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    base = np.log(0.5 + 0.3 * normals[..., 1]).astype(np.float32)
    response, lit = light_response(base, chart.free, normals, chart)
    front = (normals[..., 2] > 0.9) & (chart.free > 0.9)
    assert lit > 0.9
    # A height that falls on the way down faces down, and is darker: the response to slopes down is positive.
    assert np.median(response[..., 0][front]) > 0.2
    assert abs(np.median(response[..., 1][front])) < 0.1
