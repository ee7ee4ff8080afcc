"""From a picture to observations of its animals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Subject
from maquette.perception.pets.observe import observe_pets
from maquette.perception.pets.schemes import EYES, NOSE, SCHEME


@pytest.fixture(scope="module")
def cat():
    return np.ascontiguousarray(data.chelsea())


def in_photo(one):
    return one.landmarks[:, :2] * (one.box[2] - one.box[0]) / one.frame.size[0] + one.box[:2]


def test_a_cat_is_read(cat):
    (one,) = observe_pets(Frame(cat, origin="cat.png", focal=900.0))
    assert one.subject is Subject.PET and one.landmark_scheme == SCHEME
    assert one.species["cat"] > 0.8 and one.kinds
    points = in_photo(one)
    eyes = np.array([points[list(pair)].mean(axis=0) for pair in EYES])
    # Read by hand: both eyes and the nose of a head turned to its left.
    unit = np.linalg.norm([147, 18])
    assert np.linalg.norm(eyes - [[170, 114], [317, 132]], axis=1).max() < 0.15 * unit
    assert np.linalg.norm(points[NOSE] - [257, 245]) < 0.2 * unit
    assert one.camera is not None and one.landmark_sigma.shape == (20,) and (one.landmark_sigma > 0).all()
    assert one.mask[tuple(one.landmarks[NOSE, 1::-1].astype(int))] > 0.5


def test_twice_the_size_is_the_same_animal(cat):
    (one,), (two,) = observe_pets(Frame(cat)), observe_pets(Frame(cv2.resize(cat, None, fx=2, fy=2)))
    assert np.abs(in_photo(two) / 2 - in_photo(one)).max() < 25
    assert one.full_size == (451, 300) and two.full_size == (902, 600)


def test_left_to_right_and_no_more_than_asked(cat):
    pair = np.concatenate([cat, np.full((300, 120, 3), 110, np.uint8), cat], axis=1)
    both = observe_pets(Frame(pair))
    assert len(both) == 2 and in_photo(both[0])[:, 0].mean() < in_photo(both[1])[:, 0].mean()
    (one,) = observe_pets(Frame(pair), PerceptionOptions(max_faces=1))
    assert any("--max-faces" in note for note in one.notes)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (data.astronaut(), "a person: use `maquette face`"),
        (np.full((200, 300, 3), 127, np.uint8), "no animal found"),
        (np.zeros((16, 16, 3), np.uint8), "no animal found"),
    ],
)
def test_what_shows_no_animal_is_one_line(picture, words):
    with pytest.raises(NothingFound, match=words) as caught:
        observe_pets(Frame(picture, origin="x/photo.png"))
    assert str(caught.value).startswith("photo.png: ") and "\n" not in str(caught.value)


def test_a_face_that_is_too_small_says_how_small(cat):
    with pytest.raises(NothingFound, match=r"face too small: \d+ px wide, at least 5000"):
        observe_pets(Frame(cat), PerceptionOptions(min_face=5000))


def test_darkness_and_blur_are_said(cat):
    (dark,) = observe_pets(Frame((cat * 0.12).astype(np.uint8)))
    assert any("dark" in note for note in dark.notes)
    (soft,) = observe_pets(Frame(cv2.GaussianBlur(cat, (0, 0), 6)))
    assert any("blurred" in note for note in soft.notes)


@pytest.mark.real_data
def test_every_real_photo_gives_one_face(real_data):
    photos = sorted((real_data / "pets").glob("*.jpg"))
    assert len(photos) == 28
    for photo in photos:
        pixels = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
        (one,) = observe_pets(Frame(pixels, origin=photo.name))
        assert max(one.species, key=one.species.__getitem__) == photo.name.split("_")[0], photo.name
