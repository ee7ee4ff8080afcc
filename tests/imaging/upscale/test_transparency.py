"""What is invisible stays so, and leaves no trace in what is visible."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.imaging.upscale.transparency import continued, enlarged_opacity


def test_what_is_invisible_takes_the_nearest_visible_colour():
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :2], pixels[:, 4:] = (200, 10, 10), (10, 10, 200)
    opacity = np.zeros((4, 6), np.uint8)
    opacity[:, 0], opacity[:, 5] = 255, 1
    found = continued(pixels, opacity)
    assert (found[:, :3] == (200, 10, 10)).all() and (found[:, 3:] == (10, 10, 200)).all()


@pytest.mark.parametrize("value", [0, 9, 255])
def test_without_a_border_nothing_changes(value):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    assert np.array_equal(continued(pixels, np.full((4, 6), value, np.uint8)), pixels)


@pytest.mark.parametrize("method", ["bilinear", "lanczos", "espcn", "area"])
def test_the_opacity_grows_with_the_picture(method):
    opacity = np.zeros((8, 8), np.uint8)
    opacity[:, 4:] = 255
    large = enlarged_opacity(opacity, 4, method)
    assert large.shape == (32, 32) and large.dtype == np.uint8
    assert not large[:, :4].any() and (large[:, -4:] == 255).all()
    assert (large[:, 15] < 128).all() and (large[:, 16] > 127).all(), "a pure scale: the edge stays in the middle"
