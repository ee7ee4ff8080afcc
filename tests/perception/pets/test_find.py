"""Animals in a picture: each once, and nobody else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.perception.pets import find


@pytest.fixture(scope="module")
def cat():
    return np.ascontiguousarray(data.chelsea())


def test_a_cat_is_found_once_and_within_the_picture(cat):
    found = find.find_animals(cat)
    (animal,) = found.animals
    assert animal.kind == "cat" and found.others == ()
    assert (animal.box >= 0).all() and (animal.box[2:] <= cat.shape[1::-1]).all()


def test_a_person_is_no_animal():
    found = find.find_animals(data.astronaut())
    assert found.animals == () and found.others == ("person",)


@pytest.mark.parametrize("picture", [np.full((300, 400, 3), 127, np.uint8), np.zeros((16, 16, 3), np.uint8)])
def test_nothing_is_found_in_nothing(picture):
    assert find.find_animals(picture).animals == ()


def test_a_small_animal_in_a_large_picture_is_found_in_a_tile(cat):
    canvas = np.random.default_rng(0).integers(90, 130, (1600, 2000, 3)).astype(np.uint8)
    small = cv2.resize(cat, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    canvas[1300 : 1300 + small.shape[0], 1650 : 1650 + small.shape[1]] = small
    (animal,) = find.find_animals(canvas).animals
    assert animal.kind == "cat" and animal.box[0] > 1600 and animal.box[1] > 1250


def test_two_animals_are_two(cat):
    pair = np.concatenate([cat, np.full((300, 60, 3), 120, np.uint8), cat[:, ::-1]], axis=1)
    assert len(find.find_animals(pair).animals) == 2


@pytest.mark.real_data
def test_every_real_photo_of_a_pet_shows_an_animal(real_data):
    photos = sorted((real_data / "pets").glob("*.jpg"))
    found = [find.find_animals(cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)) for photo in photos]
    assert len(photos) == 28 and all(len(one.animals) == 1 for one in found)


@pytest.mark.real_data
def test_no_portrait_of_a_person_is_an_animal(real_data):
    photos = sorted((real_data / "faces").glob("*"))
    assert photos
    for photo in photos:
        assert not find.find_animals(cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)).animals, photo.name
