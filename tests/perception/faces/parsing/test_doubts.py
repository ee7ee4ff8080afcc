"""Hats that have the hair's colour and glasses that have the skin's are none; others stay."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.faces.parsing.doubts import settled
from maquette.perception.faces.parsing.network import Area

HAIR, SKIN = (40, 30, 25), (205, 160, 140)
TOP, BROWS = 24, 29  # rows of the forehead and the brows


def scene(hat=None, lenses=None):
    """Shares and picture of a face under hair; a hat before the hair's top, and lenses, of these colours."""
    parts = np.zeros((64, 64), np.uint8)
    picture = np.full((64, 64, 3), 120, np.uint8)

    def draw(rows, columns, part, color):
        parts[rows, columns], picture[rows, columns] = part, color

    draw(slice(4, 44), slice(12, 52), Area.HAIR, HAIR)
    draw(slice(TOP, 60), slice(20, 44), Area.SKIN, SKIN)
    if hat is not None:
        draw(slice(4, BROWS), slice(12, 52), Area.COVER, hat)
    if lenses is not None:
        draw(slice(30, 38), slice(21, 31), Area.GLASSES, lenses)
        draw(slice(30, 38), slice(33, 43), Area.GLASSES, lenses)
    return np.stack([(parts == part) for part in Area]).astype(np.float32), picture


@pytest.mark.parametrize("color, stays", [((30, 90, 180), True), (HAIR, False)])
def test_a_hat_of_the_hairs_colour_is_hair(color, stays):
    shares, picture = scene(hat=color)
    found = settled(shares, picture, TOP, BROWS)
    assert (found[Area.COVER, :TOP].max() > 0) == stays
    assert (found[Area.HAIR, [8, 26], 32] == 1).all() != stays
    assert np.allclose(found.sum(axis=0), 1)


def test_a_little_cover_among_hair_is_hair():
    shares, picture = scene()
    shares[Area.COVER, 6:14, 14:40], shares[Area.HAIR, 6:14, 14:40] = 1, 0
    assert settled(shares, picture, TOP, BROWS)[Area.COVER].max() == 0


def test_a_hand_below_the_forehead_stays():
    shares, picture = scene()
    shares[Area.COVER, 40:60, 20:30], shares[Area.SKIN, 40:60, 20:30] = 1, 0
    assert np.array_equal(settled(shares, picture, TOP, BROWS), shares)


@pytest.mark.parametrize("color, stays", [((20, 20, 25), True), ((190, 150, 135), False)])
def test_lenses_of_the_skins_colour_are_eyes(color, stays):
    shares, picture = scene(lenses=color)
    found = settled(shares, picture, TOP, BROWS)
    assert (found[Area.GLASSES].max() > 0) == stays and np.allclose(found.sum(axis=0), 1)


def test_nothing_is_written_into_what_was_given():
    shares, picture = scene(hat=HAIR, lenses=SKIN)
    before = shares.copy()
    settled(shares, picture, TOP, BROWS)
    assert np.array_equal(shares, before)
