"""The square of an animal's face whose landmarks are known: where its eyes come to lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.affine import apply
from maquette.perception.pets.aligned import aligned_face, aligned_square
from maquette.perception.pets.landmarks import EYES, PetLandmarks
from maquette.perception.pets.reader import load_head
from maquette.perception.square import Square


def face(yaw=0.0, roll=0.0, scale=100.0, at=(300.0, 200.0)):
    """The mean cat, turned, before a camera far away."""
    template = load_head().template[0].numpy()
    turned = template @ np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    points = turned[:, :2] * [scale, -scale] @ np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    species = {"cat": 0.8, "dog": 0.1, "wild": 0.1}
    none = np.zeros(20)
    return PetLandmarks(points + at, none, none + 1, species, {}, 0.5, Square(np.array(at), 300.0, 0.0))


def eyes_of(found, read, size=100):
    return apply(read.to_crop(size), np.array([found.points[part].mean(axis=0) for part in EYES])) / size


@pytest.mark.parametrize("roll", [0.0, 0.4, -0.7])
def test_eyes_lie_in_their_place_however_the_head_is_tilted(roll):
    found = face(roll=roll)
    eyes = eyes_of(found, aligned_square(found))
    np.testing.assert_allclose(eyes.mean(axis=0), [0.5, 0.48], atol=1e-6)
    assert abs(eyes[0, 1] - eyes[1, 1]) < 0.03 and 0.25 < abs(eyes[1, 0] - eyes[0, 0]) < 0.35


def test_a_head_that_is_turned_away_is_as_large():
    sides = [aligned_square(face(yaw)).side for yaw in (0.0, 0.5)]
    assert sides[1] == pytest.approx(sides[0], rel=0.12)
    assert aligned_square(replace(face(), points=face(scale=50.0).points)).side == pytest.approx(sides[0] / 2, rel=1e-6)


def test_without_an_animal_there_is_none():
    assert aligned_face(np.full((120, 160, 3), 90, np.uint8)) is None
