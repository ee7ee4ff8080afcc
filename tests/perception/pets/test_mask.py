"""The outline of an animal."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from maquette.perception.pets.find import find_animals
from maquette.perception.pets.mask import animal_mask


@pytest.fixture(scope="module")
def cat():
    return np.ascontiguousarray(data.chelsea())


def test_the_face_is_inside_and_the_dark_corner_outside(cat):
    mask = animal_mask(cat, find_animals(cat).animals[0].box)
    assert mask.shape == cat.shape[:2] and mask.dtype == np.float32
    assert mask.min() >= 0 and mask.max() <= 1
    assert mask[120:200, 150:300].mean() > 0.95  # between the eyes, the nose
    assert mask[5:60, 380:445].mean() < 0.1


def test_another_animal_beside_does_not_count(cat):
    gap = np.full((300, 120, 3), 60, np.uint8)
    pair = np.ascontiguousarray(np.concatenate([cat[:, 60:380], gap, cat[:, 60:380]], axis=1))
    mask = animal_mask(pair, np.array([0.0, 0, 320, 300]))
    assert mask[:, :320].mean() > 0.4 and mask[:, 460:].mean() < 0.02


def test_no_animal_gives_no_outline():
    assert animal_mask(np.full((200, 200, 3), 127, np.uint8), np.array([0.0, 0, 200, 200])) is None
