"""Boxes: how much they overlap, and around masks."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.boxes import box_of_mask, clipped, covered, intersection_over_union, overlap

FIRST, SECOND = np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])
SMALL, AWAY = np.array([0, 0, 1, 1.0]), np.array([5, 5, 6, 6.0])


def test_overlaps_of_boxes():
    assert intersection_over_union(FIRST, SECOND) == pytest.approx(1 / 3)
    assert overlap(FIRST, SECOND) == pytest.approx(1 / 2) and overlap(FIRST, SMALL) == overlap(SMALL, FIRST) == 1
    assert covered(FIRST, SMALL) == pytest.approx(1 / 4) and covered(SMALL, FIRST) == 1
    for measure in (intersection_over_union, overlap, covered):
        assert measure(FIRST, AWAY) == 0 == measure(np.zeros(4), np.zeros(4))


def test_a_mask_is_as_large_as_its_pixels():
    mask = np.zeros((8, 9), np.float32)
    assert box_of_mask(mask) is None
    mask[2:5, 3] = 1
    assert box_of_mask(mask).tolist() == [3, 2, 4, 5]


def test_a_box_stays_in_the_picture():
    assert clipped(np.array([-3.0, 2, 12, 9]), (10, 6)).tolist() == [0, 2, 10, 6]
