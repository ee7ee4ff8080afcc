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


def test_a_large_face_that_does_not_show_counts_less_in_a_photo_only(sample):
    (person,) = find_people(sample)
    hidden = sample.copy()
    x, y = person.landmarks[0, :2].astype(int)
    hidden[y - 70 : y + 60, x - 60 : x + 60] = 90
    rows = schemes.indices("nose", "mouth_left")
    assert with_face_points(hidden, person) is person
    doubted = with_face_points(hidden, person, still=True)
    np.testing.assert_allclose(doubted.visibility[rows], 0.4 * person.visibility[rows])
    np.testing.assert_array_equal(doubted.visibility[11:], person.visibility[11:])
    seen = with_face_points(sample, person, still=True)
    np.testing.assert_array_equal(seen.visibility, person.visibility)
