"""Thin cards before a body become one closed solid."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.surfaces.cards import solid_of_cards
from maquette.geometry.surfaces.clean import is_closed, pieces, signed_volume

SQUARE = np.array([[[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0]], [[0, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]]], float)
FAR = SQUARE + np.array([0, 0, 9.0])
VOXEL = 0.003


@pytest.mark.parametrize("gap", [0.02, 0.2])
def test_a_card_is_filled_down_to_a_body_that_is_near(gap):
    body = SQUARE - [0, 0, gap]
    vertices, faces = solid_of_cards(SQUARE, body, VOXEL, reach=0.05, floor=-1.0)
    assert is_closed(faces) and pieces(faces)[0] == 1
    thick = signed_volume(vertices, faces) / 0.01
    assert thick == pytest.approx(0.02 + VOXEL if gap < 0.05 else 3 * VOXEL, rel=0.25), "metres; alone it is thin"


def test_what_lies_lower_than_the_floor_is_left_out():
    vertices, _ = solid_of_cards(SQUARE, FAR, VOXEL, reach=0.05, floor=0.05)
    assert vertices[:, 1].min() > 0.05 - 2 * VOXEL and vertices[:, 1].max() > 0.095
    assert len(solid_of_cards(SQUARE, FAR, VOXEL, 0.05, floor=1.0)[1]) == 0
