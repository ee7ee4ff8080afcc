"""Which of several photos is believed."""

from __future__ import annotations

import numpy as np

from maquette.texturing.agreement import PREFERENCE, agreement, feather, priorities

SKIN, SHIRT, LOGO = [220.0, 170, 150], [20.0, 20, 22], [240.0, 240, 240]


def test_an_arm_on_the_shirt_is_dropped_and_a_logo_that_two_show_is_kept():
    expected = np.array([SHIRT, SHIRT, SHIRT])
    colours = np.array([[SHIRT, SHIRT, SHIRT], [SKIN, LOGO, SHIRT], [SHIRT, LOGO, SHIRT]])
    trust = np.ones((3, 3))
    trust[0] = 0
    believed = agreement(colours, trust, expected)
    assert believed[1].tolist() == [0, 1, 1] and believed[2].tolist() == [1, 1, 1]
    assert (believed[0] == 1).all()


def test_the_first_photo_is_preferred_on_the_body_and_the_best_view_of_the_face_on_the_head():
    facing = [np.array([1.0, 0, 0]), np.array([0.0, 0, 1]), None]
    toward = np.tile([0.0, 0, 1], (3, 1))
    rank = priorities([1.0, 1.0, 9.0], facing, toward, np.array([0.0, 1.0]))
    assert rank[:, 0].tolist() == [PREFERENCE, 1, 1] and rank[:, 1].tolist() == [1, PREFERENCE, 1]


def test_without_heads_the_first_photo_is_preferred_everywhere():
    rank = priorities([1.0, 2.0], [None, None], np.tile([0.0, 0, 1], (2, 1)), np.array([0.0, 1.0]))
    assert (rank[0] == PREFERENCE).all() and (rank[1] == 1).all()


def test_a_photo_fades_out_towards_its_rim():
    side = 21
    index = np.arange(side * side).reshape(side, side)
    a, b, c, d = (index[y : side - 1 + y, x : side - 1 + x].ravel() for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)))
    faces = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    trust = np.zeros((side, side))
    trust[:, :10] = 1
    soft = feather(trust.ravel(), faces).reshape(side, side)
    row = soft[10]
    assert row[5] == 1 and row[12] == 0 and 0 < row[9] < 0.85 and (np.diff(row[:14]) <= 1e-6).all()
