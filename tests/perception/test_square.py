"""Squares in a picture: their crops stand upright and hold them."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.affine import apply, scale_of
from maquette.perception.square import Square, upright_turn

ASIDE = np.array([1.0, 0.0])
SQUARE = Square(np.array([50.0, 40.0]), 20.0, np.radians(30))


def test_its_crop_stands_upright():
    up = np.array([np.sin(SQUARE.roll), -np.cos(SQUARE.roll)])
    matrix = SQUARE.to_crop(100)
    assert np.allclose(apply(matrix, SQUARE.centre), [50, 50])
    assert np.allclose(apply(matrix, SQUARE.centre + 10 * up), [50, 0])
    assert scale_of(matrix) == pytest.approx(5)
    right = apply(matrix, SQUARE.centre + ASIDE)
    mirrored = apply(SQUARE.to_crop(100, mirrored=True), SQUARE.centre + ASIDE)
    assert np.allclose(mirrored, [100 - right[0], right[1]])


def test_its_patch_holds_it_at_any_turn_and_stays_in_the_picture():
    low, high = SQUARE.patch((1000, 1000), np.sqrt(0.5))
    corners = np.array([[-10, -10], [10, -10], [-10, 10], [10, 10]])
    assert (SQUARE.centre + corners >= low).all() and (SQUARE.centre + corners <= high).all()
    low, high = Square(np.array([-500.0, 9000.0]), 20.0, 0.0).patch((100, 80), 1.0)
    assert (low >= 0).all() and (high <= [100, 80]).all() and (high - low == 2).all()


def test_roll_comes_from_the_longer_of_two_directions():
    turned = np.radians(20)
    across, down = np.array([np.cos(turned), np.sin(turned)]), np.array([-np.sin(turned), np.cos(turned)])
    assert upright_turn(across, down) == pytest.approx(turned)
    assert upright_turn(0.01 * across, down) == pytest.approx(turned), "in a profile the eyes coincide"
