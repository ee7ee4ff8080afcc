"""Ears: the sheet and its field agree, upright and folded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.synthesis.animals.ears import bent, ear_distance, half_thickness, half_width, rotation
from maquette.synthesis.animals.head_shape import DOG, EARS

EARS = {
    "upright": DOG,
    "tipped": replace(DOG, **EARS["tipped"]),
    "hanging": replace(DOG, **EARS["hanging"]),
}


@pytest.mark.parametrize("name", EARS)
def test_the_sheet_lies_inside_its_field_and_its_faces_on_it(name):
    shape = EARS[name]
    along = np.linspace(0.1, 0.9, 30)
    across = 0.5 * half_width(shape, along)
    middle = np.stack([across, along * shape.ear_length, 0 * along], axis=1)
    assert (ear_distance(shape, bent(shape, middle)) < -0.01).all()
    outer = middle - np.stack([0 * along, 0 * along, half_thickness(along)], axis=1)
    assert np.abs(ear_distance(shape, bent(shape, outer))).max() < 0.01


def test_hanging_ears_hang():
    ends = {name: bent(shape, np.array([0, shape.ear_length, 0])) for name, shape in EARS.items()}
    tops = {name: bent(shape, np.array([0, 0.5 * shape.ear_length, 0])) for name, shape in EARS.items()}
    assert ends["upright"][1] > tops["upright"][1] + 0.3
    assert ends["hanging"][1] < tops["hanging"][1] - 0.3
    assert ends["tipped"][2] > tops["tipped"][2]


def test_a_rotation_keeps_lengths():
    turn = rotation(EARS["hanging"], 0.3)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) > 0
