"""The crop that the network reads."""

import numpy as np
import pytest

from maquette.perception.affine import apply
from maquette.perception.faces.regressor import align
from maquette.perception.faces.regressor.align import CropJitter
from maquette.perception.square import Square


@pytest.fixture
def landmarks():
    rng = np.random.default_rng(0)
    points = rng.uniform(40, 160, (478, 2))
    points[align.FOREHEAD], points[align.CHIN] = (120, 20), (90, 190)
    return points


def test_the_face_stands_upright_and_fills_its_share(landmarks):
    crop = apply(align.alignment(landmarks, 128), landmarks)
    up = crop[align.FOREHEAD] - crop[align.CHIN]
    assert abs(up[0]) < 1e-9 and up[1] < 0
    low, high = crop.min(axis=0), crop.max(axis=0)
    assert np.allclose((low + high) / 2, 64)
    assert (high - low).max() == pytest.approx(128 / align.MARGIN)


def test_where_the_face_lies_in_the_picture_does_not_matter(landmarks):
    turn = 0.7
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    elsewhere = 3.1 * landmarks @ rotation.T + [200, -50]
    crops = [apply(align.alignment(points, 128), points) for points in (landmarks, elsewhere)]
    assert np.allclose(*crops)


def test_jitter_moves_turns_and_sizes(landmarks):
    still = apply(align.alignment(landmarks, 128), landmarks)
    moved = apply(align.alignment(landmarks, 128, CropJitter(0.1, -0.05, np.log(2), 0.3)), landmarks)
    cos, sin = np.cos(0.3), np.sin(0.3)
    expected = 0.5 * (still - 64) @ np.array([[cos, -sin], [sin, cos]]) + 64 + [12.8, -6.4]
    assert np.allclose(moved, expected)


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
def test_the_cut_shows_the_points_where_the_affine_puts_them(landmarks, size):
    rows, columns = np.mgrid[0:240, 0:240] + 0.5
    picture = np.stack([columns, rows, 0 * rows], axis=-1)
    picture = np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1)[:960, :960].astype(np.uint8)
    where = 4 * (landmarks.mean(axis=0) + size * (landmarks - landmarks.mean(axis=0)) * 0.3)
    matrix = align.alignment(where, 128)
    crop = align.cut(picture, matrix, 128).astype(float)
    # Colours show where in the picture (of a quarter the size) a pixel comes from.
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    for x, y in ((64, 64), (40, 90), (100, 30)):
        source = (inverse @ [x + 0.5, y + 0.5, 1])[:2] / 4
        assert np.abs(crop[y, x, :2] - source).max() < 1.5


def test_a_crop_beyond_the_picture_repeats_its_border():
    picture = np.full((50, 50, 3), 77, np.uint8)
    face = Square(np.array([0.0, 60.0]), 200.0, 0.4)
    assert (align.cut(picture, align.to_crop(face, 128), 128) == 77).all()
