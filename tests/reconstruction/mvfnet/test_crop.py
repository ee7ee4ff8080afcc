"""The crop: where landmarks land, and black beyond the photo."""

from __future__ import annotations

import numpy as np

from maquette.reconstruction.mvfnet.crop import face_crop


def test_the_square_is_half_as_large_again_and_a_little_higher():
    photo = np.full((400, 500, 3), 90, np.uint8)
    marks = np.array([[200.0, 100], [300, 300]])
    row = round(200 - 0.12 * 200)  # the middle of the square; its side is 300
    photo[row - 3 : row + 3, 247:253] = 255
    crop = face_crop(photo, marks)
    assert crop.shape == (224, 224, 3) and crop[111:113, 111:113].min() > 230
    assert (face_crop(photo, marks - [0, 100])[:50] == 0).all(), "beyond the photo"
