"""Burnt skin becomes skin again."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.delight import linear
from maquette.texturing.head.layers import layers_of
from maquette.texturing.head.skin.exposure import BRIGHTEST, LUMINANCE, exposed, exposure
from maquette.texturing.head.tones import HAIR_SPREAD, SKIN_SPREAD, Tones, lab_of, rgb_of


def photo(colour: tuple[int, int, int]) -> Baked:
    """A photo of evenly coloured skin, seen everywhere; features of the face are red, so that it is none in grey."""
    layers = layers_of("maquette-head", 256)
    shape = layers.ambient.shape
    one = np.ones(shape, np.float32)
    large = np.broadcast_to(np.array(colour, np.uint8), (layers.rows, layers.size, 3)).copy()
    tone = lab_of(np.array(colour, np.float32).reshape(1, 1, 3))[0, 0]
    tones = Tones(tone, SKIN_SPREAD, tone, HAIR_SPREAD, 0.5)
    coarse = np.broadcast_to(np.float32(colour), (*shape, 3)).copy()
    coarse[layers.zones["plain"] < 0.1] = (170, 90, 80)
    return Baked(large, coarse, one, 0 * one, one, tones)


def test_usual_skin_is_left_alone() -> None:
    seen = photo((190, 150, 130))
    assert exposed(seen, layers_of("maquette-head", 256)) is seen


def test_burnt_skin_is_as_bright_and_as_red_as_skin() -> None:
    found = exposed(photo((252, 250, 248)), layers_of("maquette-head", 256))
    plain = layers_of("maquette-head", 256).zones["plain"] > 0.9
    skin = np.median(found.coarse[plain], axis=0)
    assert linear(skin) @ LUMINANCE == pytest.approx(BRIGHTEST, rel=0.03)
    assert skin[0] > skin[1] + 15 > skin[2] + 15
    assert np.abs(np.median(found.colour.reshape(-1, 3), axis=0) - skin).max() < 2
    assert found.tones is not None and np.abs(rgb_of(found.tones.skin) - skin).max() < 3


def test_bright_skin_keeps_its_own_colour_and_grey_photos_stay_grey() -> None:
    bright = linear(np.array([215.0, 180.0, 160.0]))
    factor = exposure(bright, grey=False)
    assert np.ptp(factor) < 1e-6 and factor[0] < 1
    assert np.ptp(exposure(np.full(3, 0.9), grey=True)) == 0


def test_factors_do_not_jump_where_skin_begins_to_burn() -> None:
    levels = np.linspace(0.2, 0.95, 200)
    factors = np.array([exposure(level * np.array([1.05, 1.0, 0.9]), grey=False) for level in levels])
    assert np.abs(np.diff(factors, axis=0)).max() < 0.02
