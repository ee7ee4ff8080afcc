"""Copies of a picture to search in: the way back, what tiles cover, when a search ends."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.affine import apply
from maquette.perception.copies import (
    SEARCH_SIDE,
    Copy,
    Search,
    at_most,
    brightened,
    find_all,
    fitted,
    search_copy,
    shrunk,
    stretched,
    tiles,
    turned,
    useful_divisions,
)

GREY = np.full((40, 60, 3), 90, np.uint8)


def test_a_large_picture_is_searched_small_and_a_small_one_as_it_is():
    assert search_copy(GREY).pixels is GREY
    copy = search_copy(np.zeros((1000, 2 * SEARCH_SIDE, 3), np.uint8))
    assert copy.pixels.shape == (500, SEARCH_SIDE, 3)
    assert np.allclose(apply(copy.to_full, np.array([[1.0, 2.0]])), [[2.0, 4.0]])


@pytest.mark.parametrize("degrees", [90, -30, 180])
def test_a_turned_copy_knows_the_way_back(degrees):
    pixels = GREY.copy()
    pixels[8:12, 44:48] = 255
    copy = turned(Copy(pixels, np.eye(2, 3), "found"), degrees)
    rows, columns = np.nonzero(copy.pixels[..., 0] > 200)
    spot = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    assert np.abs(apply(copy.to_full, spot) - [46, 10]).max() < 0.7
    assert copy.note == f"found and turned by {degrees:g} degrees"


def test_shrinking_averages_all_pixels():
    checks = np.indices((64, 96)).sum(axis=0) % 2 * np.full((3, 1, 1), 200)
    small = shrunk(np.ascontiguousarray(checks.transpose(1, 2, 0).astype(np.uint8)), (24, 16))
    assert np.abs(small.astype(int) - 100).max() <= 1


def test_a_side_is_fitted_or_only_limited():
    assert fitted(GREY, 30).shape == (20, 30, 3) and fitted(GREY, 120).shape == (80, 120, 3)
    assert at_most(GREY, 30).shape == (20, 30, 3) and at_most(GREY, 120) is GREY


def test_dark_pictures_are_stretched_and_bright_ones_are_not():
    assert stretched(GREY).max() == 220
    bright = np.full((4, 4, 3), 230, np.uint8)
    assert stretched(bright) is bright
    assert brightened(Copy(GREY, np.eye(2, 3))).note == "found on a copy that was brightened"


@pytest.mark.parametrize("division", [1, 2, 4, 1.5])
def test_tiles_cover_the_picture_twice(division):
    shape = (300, 500)
    covered = np.zeros(shape, int)
    for x, y, side in tiles(shape, division):
        assert side == np.ceil(500 / division)
        covered[y : y + side, x : x + side] += 1
    assert covered.min() >= 1
    assert len(list(tiles(shape, 1))) == 1


def test_divisions_end_where_tiles_show_nothing_new():
    copy = Copy(np.zeros((1000, 1000, 3), np.uint8), np.diag([2.0, 2.0, 0])[:2])
    # 100 pixels of the full picture are 50 of the copy, and 10 of the detector's 200.
    assert useful_divisions(copy, 100, 200, 8) == []
    assert useful_divisions(copy, 100, 200, 16) == [2]
    assert useful_divisions(copy, 100, 200, 30) == [2, 4]


def test_a_search_goes_on_while_there_is_more_and_is_rescued_only_from_nothing():
    copy, asked = Copy(GREY, np.eye(2, 3)), []
    searches = [Search(copy, division, 0.5) for division in (1, 2, 4)]
    rescues = [Search(copy, 1, lowest) for lowest in (0.3, 0.2)]

    def finder(per_search):
        def find(search, known):
            asked.append((search.division, search.lowest, len(known)))
            return ["one"] * per_search.get((search.division, search.lowest), 0)

        return find

    assert find_all(finder({(1, 0.5): 1}), searches, rescues) == ["one"]
    assert asked == [(1, 0.5, 0), (2, 0.5, 1)], "finer tiles show nothing, so the finest are not tried"
    asked.clear()
    assert find_all(finder({(4, 0.5): 2}), searches, rescues) == ["one"] * 2
    assert [row[0] for row in asked] == [1, 2, 4]
    asked.clear()
    assert find_all(finder({(1, 0.2): 1}), searches, rescues) == ["one"]
    assert asked[3:] == [(1, 0.3, 0), (1, 0.2, 0)]
    assert find_all(finder({}), searches, rescues) == []
