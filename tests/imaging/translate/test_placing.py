"""A square of a photo, and a picture back in its place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.imaging.translate.placing import cropped, placed

PHOTO = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8), (240, 180))


def to_crop(left: float, top: float, side: float, size: int) -> np.ndarray:
    scale = size / side
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])


def test_at_its_own_size_a_crop_is_those_pixels():
    found = cropped(PHOTO, to_crop(30, 20, 64, 64), 64)
    assert np.array_equal(found, PHOTO[20:84, 30:94])


def test_a_large_square_is_averaged_rather_than_sampled():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    found = cropped(stripes, to_crop(0, 0, 512, 32), 32)
    assert np.abs(found.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("size", [32, 64, 200])
def test_what_was_cut_comes_back_to_its_place(size):
    """A shift of half a pixel would show: the photo is smooth, with slopes of several grey levels a pixel."""
    matrix = to_crop(40, 30, 100, size)
    back = placed(PHOTO, cropped(PHOTO, matrix, size), matrix)
    assert np.array_equal(back[:29], PHOTO[:29]) and np.array_equal(back[:, 141:], PHOTO[:, 141:])
    difference = np.abs(back.astype(int) - PHOTO)[40:120, 50:130]
    assert difference.mean() < (2.5 if size == 32 else 1)


def test_a_picture_fades_into_the_photo_and_rules_in_its_middle():
    black, white = np.zeros((100, 100, 3), np.uint8), np.full((50, 50, 3), 255, np.uint8)
    found = placed(black, white, to_crop(20, 20, 60, 50))[..., 0]
    assert found[50, 50] == 255 and found[21, 21] == 0 and not found[:20].any()
    row = found[50, 20:50].astype(int)
    assert (np.diff(row) >= 0).all() and np.diff(row).max() < 50 and row[0] < 10


def test_where_a_picture_changed_nothing_the_photo_stays_sharp():
    """A small picture of a fine pattern would blur it; only the changed quarter is laid over."""
    photo = np.tile(np.random.default_rng(1).integers(0, 256, (160, 160, 1), np.uint8), 3)
    matrix = to_crop(0, 0, 160, 40)
    crop = cropped(photo, matrix, 40)
    picture = crop.copy()
    picture[12:20, 12:20] = [255, 0, 0]
    found = placed(photo, picture, matrix, crop)
    assert np.array_equal(found[100:], photo[100:]) and np.array_equal(found[:, 100:], photo[:, 100:])
    assert np.abs(found[60:68, 60:68].astype(int) - [255, 0, 0]).max() < 40
