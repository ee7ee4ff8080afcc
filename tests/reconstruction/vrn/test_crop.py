"""Where VRN's crop lies."""

import numpy as np
import pytest

from maquette.reconstruction.vrn.crop import cut, image_to_crop


@pytest.fixture
def landmarks():
    return np.random.default_rng(0).uniform([200, 300], [320, 430], (68, 2))


@pytest.mark.parametrize("crop", ["matlab", "bash"])
def test_the_box_of_the_landmarks_has_a_mean_side_of_90_pixels(landmarks, crop):
    matrix = image_to_crop(landmarks, 192, crop)
    moved = landmarks @ matrix[:2, :2].T + matrix[:2, 2]
    assert np.sqrt(np.prod(np.ptp(moved, axis=0))) == pytest.approx(90)
    if crop == "matlab":
        assert moved.mean(axis=0) == pytest.approx([96, 96])
    else:
        assert (moved.min(0) + moved.max(0)) / 2 == pytest.approx(np.ptp(moved, axis=0))


def test_there_and_back(landmarks):
    matrix = image_to_crop(landmarks, 192, turn=0.3)
    moved = landmarks @ matrix[:2, :2].T + matrix[:2, 2]
    back = np.linalg.inv(matrix)
    assert np.abs(moved @ back[:2, :2].T + back[:2, 2] - landmarks).max() < 1e-4


def test_a_leaning_face_stands_upright(landmarks):
    turn = 0.4
    lean = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    straight = image_to_crop(landmarks, 96)
    leaning = image_to_crop(landmarks @ lean.T, 96, turn=turn)
    crops = landmarks @ straight[:2, :2].T + straight[:2, 2], (landmarks @ lean.T) @ leaning[:2, :2].T + leaning[:2, 2]
    assert np.allclose(*crops)


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0, 3.0])
def test_a_mark_lands_where_the_matrix_says(factor):
    picture = np.zeros((400, 600, 3), np.uint8)
    picture[180:220, 280:320] = 255  # its middle is at (300, 200)
    matrix = np.array([[factor, 0, 96 - factor * 300], [0, factor, 96 - factor * 200], [0, 0, 1]])
    crop = cut(picture, matrix, 192)[..., 0].astype(float)
    if factor < 3:
        rows, columns = np.indices(crop.shape) + 0.5
        assert (rows * crop).sum() / crop.sum() == pytest.approx(96, abs=0.05)
        assert (columns * crop).sum() / crop.sum() == pytest.approx(96, abs=0.05)
    assert crop[96, 96] == 255


def test_beyond_the_picture_it_is_black():
    crop = cut(np.full((50, 50, 3), 255, np.uint8), np.array([[1.0, 0, 60], [0, 1, 0], [0, 0, 1]]), 96)
    assert not crop[:, :59].any() and (crop[:50, 61:] == 255).all()


def test_points_in_a_line_are_refused():
    with pytest.raises(ValueError, match="68 points of a face"):
        image_to_crop(np.zeros((68, 2)), 192)
    with pytest.raises(ValueError, match="matlab or bash"):
        image_to_crop(np.random.default_rng(0).random((68, 2)), 192, "docker")
