"""Eyes, nose and mouth of people are where their faces show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.people import schemes
from maquette.perception.people.face import POINTS, with_face_points
from maquette.perception.people.key_points import Person
from maquette.perception.people.search import find_people

ROWS = schemes.indices(*POINTS)


@pytest.fixture(scope="module")
def astronaut(sample) -> Person:
    return find_people(sample)[0]


def test_the_points_of_a_face_are_found_again_wherever_the_body_guesses_them(sample, astronaut):
    there = with_face_points(sample, astronaut).landmarks[ROWS, :2]
    landmarks = astronaut.landmarks.copy()
    landmarks[ROWS, :2] += [4, -9]
    again = with_face_points(sample, replace(astronaut, landmarks=landmarks))
    assert np.abs(again.landmarks[ROWS, :2] - there).max() < 2.5
    eye = schemes.indices("left_eye")[0]
    assert np.linalg.norm(again.landmarks[eye, :2] - [247, 104]) < 4


def test_all_other_points_stay(sample, astronaut):
    found, rest = with_face_points(sample, astronaut), np.setdiff1d(np.arange(33), ROWS)
    assert np.array_equal(found.landmarks[rest], astronaut.landmarks[rest])
    assert np.array_equal(found.landmarks[:, 2], astronaut.landmarks[:, 2])


def test_where_no_face_shows_the_guess_stays(sample, astronaut):
    blank = np.full_like(sample, 90)
    assert np.array_equal(with_face_points(blank, astronaut).landmarks, astronaut.landmarks)
    unseen = replace(astronaut, visibility=np.zeros(33))
    assert with_face_points(sample, unseen) is unseen
