"""Irises from photos: the pattern that is seen, without glints; hues that irises have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.faces import topology
from maquette.texturing.head.details.iris import RINGS, TURNS, IrisPattern, iris_pattern, likely_hue, whole
from maquette.texturing.head.tones import lab_of
from maquette.texturing.surface_fill import DEFAULT_SKIN

IRIS, OUTLINE = topology.LEFT_IRIS, topology.LEFT_EYE


def painted(seen, across: float, glint: bool = False):
    """An observation whose left eye is wide open; its iris is red on the subject's left and blue on the right."""
    landmarks = seen.landmarks.copy()
    centre = landmarks[IRIS[0], :2].copy()
    turns = np.arange(4) * np.pi / 2
    landmarks[list(IRIS[1:]), :2] = centre + across / 2 * np.stack([np.cos(turns), -np.sin(turns)], axis=1)
    turns = np.linspace(0, 2 * np.pi, len(OUTLINE), endpoint=False)
    landmarks[list(OUTLINE), :2] = centre + 0.8 * across * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    landmarks[[33, 263], :2] = centre + np.array([[-3 * across, 0], [0.8 * across, 0]])
    pixels = np.full_like(seen.frame.pixels, 200)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    inside = np.hypot(x - centre[0], y - centre[1]) < across / 2
    pixels[inside & (x > centre[0])] = (120, 60, 60)
    pixels[inside & (x <= centre[0])] = (60, 60, 120)
    if glint:
        pixels[np.hypot(x - centre[0] - 0.2 * across, y - centre[1] - 0.1 * across) < 0.08 * across] = 255
    return replace(seen, landmarks=landmarks, frame=replace(seen.frame, pixels=pixels))


def test_the_pattern_of_a_large_iris_is_the_photos(photograph):
    seen, _ = photograph(0.0)
    pattern = iris_pattern(painted(seen, 40.0), IRIS, OUTLINE, 1.0)
    assert pattern is not None and pattern.weight == 1
    left, right = pattern.at(np.array([[0.6, 0.6]]), np.array([[0.0, np.pi]]))[0]
    assert left.shape == (3,) and pattern.colour.shape == (RINGS, TURNS, 3)
    assert pattern.mirrored().at(np.array([[0.6]]), np.array([[0.0]]))[0, 0] == pytest.approx(right, abs=2)


def test_a_glint_is_no_pattern(photograph):
    seen, _ = photograph(0.0)
    plain, shining = (iris_pattern(painted(seen, 40.0, glint), IRIS, OUTLINE, 1.0) for glint in (False, True))
    assert plain is not None and shining is not None
    assert shining.colour[:20].max() < 160
    assert shining.middle == pytest.approx(plain.middle, abs=12)


def test_a_small_iris_has_no_pattern(photograph):
    seen, _ = photograph(0.0)
    assert iris_pattern(painted(seen, 16.0), IRIS, OUTLINE, 1.0) is None


def test_light_from_one_side_is_no_pattern():
    rho = (np.arange(RINGS) + 0.5) / RINGS
    turn = np.arange(TURNS) * 2 * np.pi / TURNS
    lit = np.repeat((80 + 30 * rho[:, None] * np.cos(turn))[..., None], 3, axis=2)
    even = whole(lit, np.ones((RINGS, TURNS), bool), rho, turn)
    assert np.abs(even - 80).max() < 2 < np.abs(lit - 80).max()


@pytest.mark.parametrize("iris", [(35, 24, 18), (84, 50, 31), (110, 105, 75), (120, 122, 120)])
def test_hues_that_irises_have_stay(iris):
    assert likely_hue(np.array(iris, float), DEFAULT_SKIN) == pytest.approx(iris, abs=9)


def test_no_iris_is_pink():
    """A blurred eye in a red light took the colour of its lids."""
    pink = np.array([113.0, 58.0, 67.0])
    red = lab_of(pink.reshape(1, 1, 3))[0, 0, 1]
    assert lab_of(likely_hue(pink, np.array([182.0, 119.0, 114.0])).reshape(1, 1, 3))[0, 0, 1] < 0.6 * red


def test_an_iris_in_a_grey_photo_is_grey():
    assert np.ptp(likely_hue(np.full(3, 60.0), np.full(3, 137.0))) < 2


def test_a_pattern_goes_on_around_the_iris():
    colour = np.zeros((RINGS, TURNS, 3), np.float32)
    colour[:, : TURNS // 2] = 100
    pattern = IrisPattern(colour, 1.0)
    first, last = pattern.at(np.array([[0.5, 0.5]]), np.array([[1e-4, 2 * np.pi - 1e-4]]))[0]
    assert np.allclose(first, last, atol=2)
