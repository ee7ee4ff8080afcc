"""The landmarks of a head lie on its surface, where their names say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.pets.schemes import FLIPPED as FLIP
from maquette.perception.pets.schemes import SPECIES
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_landmarks import LEFT, MIDDLE, NAMES, landmarks
from maquette.synthesis.animals.head_shape import EARS, MEANS, AnimalExpression, draw_shape

HEADS = {**MEANS, "hanging": replace(MEANS["dog"], **EARS["hanging"])}


@pytest.mark.parametrize("name", HEADS)
def test_they_lie_on_the_surface(name):
    shape = HEADS[name]
    for expression in (head_field.REST, AnimalExpression(jaw=0.4)):
        assert np.abs(head_field.distance(landmarks(shape, expression), shape, expression)).max() < 1e-3


@pytest.mark.parametrize("species", SPECIES)
def test_drawn_heads_have_them_on_the_surface(species):
    worst = []
    for seed in range(10):
        shape = draw_shape(species, np.random.default_rng(seed))
        worst.append(np.abs(head_field.distance(landmarks(shape), shape)).max())
    assert np.max(worst) < 1e-3


def test_the_flip_is_the_mirror():
    points = landmarks(MEANS["cat"])
    np.testing.assert_allclose(points[list(FLIP)] * [-1, 1, 1], points, atol=1e-6)
    assert [FLIP[FLIP[k]] for k in range(20)] == list(range(20)) and len(NAMES) == 20
    assert sorted([*LEFT.values(), *(FLIP[k] for k in LEFT.values()), *MIDDLE.values()]) == list(range(20))


@pytest.mark.parametrize("species", SPECIES)
def test_they_are_in_their_places(species):
    p = landmarks(MEANS[species])
    assert (p[[0, 1, 7, 12, 18], 0] < 0).all() and np.abs(p[[4, 5, 6, 9, 10, 11], 0]).max() == 0
    assert p[3, 0] > 0.5 > p[2, 0] > 0.1
    heights = p[[13, 6, 5, 4, 9, 10, 11], 1]
    assert (np.diff(heights) < 0).all()
    assert p[4, 2] == p[:, 2].max()
    assert p[17, 0] > p[15, 0] and p[16, 1] > p[[15, 17], 1].max()
    assert p[19, 0] > p[8, 0]


def test_the_jaw_takes_lip_and_chin_along():
    shape = MEANS["dog"]
    moved = np.linalg.norm(landmarks(shape, AnimalExpression(jaw=0.4)) - landmarks(shape), axis=1)
    assert (moved[[10, 11]] > 0.2).all() and moved[[0, 1, 2, 3, 4, 5, 6, 9, 13]].max() < 0.02
