"""The crop of a whole head: upright, centred above the face, as large as promised."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.affine import apply
from maquette.perception.faces.parsing.frame import EXTENT, SIDE, UP, head_square
from maquette.perception.faces.regressor.align import face_square


def turned(points, angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


@pytest.fixture
def upright(full_landmarks):
    return turned(full_landmarks[:, :2], -face_square(full_landmarks).roll)


def test_the_square_is_so_many_faces_wide_and_lies_higher(upright):
    face, head = face_square(upright), head_square(upright)
    assert head.side == pytest.approx(EXTENT * face.side)
    assert np.allclose(face.centre - head.centre, [0, UP * face.side], atol=0.02 * face.side)


@pytest.mark.parametrize("angle", [0.3, -1.2, 3.0])
def test_turned_landmarks_come_to_the_same_places_of_the_crop(upright, angle):
    straight = apply(head_square(upright).to_crop(SIDE), upright)
    around = turned(upright, angle)
    assert np.allclose(apply(head_square(around).to_crop(SIDE), around), straight, atol=1e-6)
