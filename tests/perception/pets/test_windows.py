"""The square around an animal's face, of a face drawn by hand: cats' faces that come with packages are turned away."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.perception.pets import windows
from maquette.perception.pets.windows import face_square, middle_square


class Hits:
    """Stands for a cascade: these boxes, with these scores, at the size at which photos are searched."""

    def __init__(self, *boxes):
        self.boxes = boxes

    def detectMultiScale3(self, grey, *_, **__):  # noqa: N802  OpenCV's name
        assert max(grey.shape) == windows.SIDE + 2 * windows.MARGIN
        return [box[:4] for box in self.boxes], [0] * len(self.boxes), [box[4] for box in self.boxes]


@pytest.fixture
def hits(monkeypatch):
    def found(*boxes):
        monkeypatch.setattr(windows, "_cascade", lambda _: Hits(*boxes))

    return found


def test_the_clearest_face_is_taken_with_its_eyes_in_their_place(hits):
    pixels = np.zeros((1024, 2048, 3), np.uint8)  # four of its pixels are one of the search's
    hits((128 + 100, 128 + 50, 80, 80, 1.0), (128 + 200, 128 + 60, 90, 90, 2.0), (128, 128, 200, 200, 0.5))
    square = face_square(pixels)
    eyes = np.array([4 * (200 + 0.505 * 90), 4 * (60 + 0.405 * 90)])
    assert square.side == pytest.approx(1.57 * 4 * 90) and square.roll == 0
    at = (eyes - square.centre) / square.side + 0.5
    np.testing.assert_allclose(at, [0.5, 0.48], atol=1e-9)


def test_the_square_never_leaves_the_photo(hits):
    hits((128 - 60, 128 + 300, 400, 400, 1.0))
    square = face_square(np.zeros((512, 400, 3), np.uint8))
    low, high = square.centre - square.side / 2, square.centre + square.side / 2
    assert square.side == 400 and (low >= 0).all() and high[0] == 400 and high[1] == 512


def test_without_a_face_there_is_none_and_the_middle_can_be_taken():
    pixels = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8), (200, 160))
    assert face_square(pixels) is None
    square = middle_square(pixels)
    assert square.side == 160 and square.centre.tolist() == [100, 80]


def test_both_cascades_come_with_opencv():
    assert not any(windows._cascade(name).empty() for name in windows.CASCADES)
