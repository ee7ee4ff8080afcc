"""Nostrils and the inside of the mouth are dark, their edges keep what the photo shows."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.morphable import load
from maquette.texturing.head.details.hollows import FLESH, hollows_of, inner_colour, paint_hollows
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import layers_of

SIZE = 256
PALETTE = Palette(np.array([200.0, 160.0, 140.0]), np.full(3, 40.0), 1.0)


@pytest.fixture(scope="module")
def layers():
    return layers_of("maquette-head", SIZE)


def test_nostrils_are_darkened_and_little_around_them(layers):
    model = load("maquette-head")
    texture = np.full((SIZE, SIZE, 3), 180, np.uint8)
    paint_hollows(texture, layers, PALETTE)
    rows, columns = np.nonzero(hollows_of(layers).nostril > 0.8)
    assert len(rows) >= 10 and texture[rows, columns].max() < 90
    far = model.regions["nostrils"] < 0.01
    index = np.flatnonzero(far & (model.regions["face"] > 0.9))
    outside = np.setdiff1d(index, model.part_vertices("mouth"))
    x = (model.uvs[outside, 0] * SIZE).astype(int)
    y = ((1 - model.uvs[outside, 1]) * SIZE).astype(int)
    assert (texture[y, x] == 180).mean() > 0.95
    assert (texture[layers.skin_rows :] == 180).all(), "teeth and eyes have charts of their own"


def test_what_is_dark_already_stays(layers):
    texture = np.full((SIZE, SIZE, 3), 5, np.uint8)
    paint_hollows(texture, layers, PALETTE)
    rows, columns = np.nonzero(hollows_of(layers).nostril > 0.99)
    assert (texture[rows, columns] == 5).all()


def test_behind_the_lips_their_colour_turns_into_dark_flesh():
    lip = np.array([190.0, 90.0, 90.0])
    found = inner_colour(np.array([0.0, 0.003, 0.01, 0.05]), lip, FLESH)
    assert np.allclose(found[0], lip)
    light = found.mean(axis=1)
    assert (np.diff(light) < 0).all() and light[-1] < 0.35 * FLESH.mean()
