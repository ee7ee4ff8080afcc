"""The field of a head: symmetric, with a sane slope, closed, the eyes where they belong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.geometry.surfaces.clean import is_closed, pieces, signed_volume
from maquette.perception.pets.schemes import SPECIES
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_shape import EARS, MEANS, AnimalExpression, draw_shape

HEADS = {**MEANS, "hanging": replace(MEANS["dog"], **EARS["hanging"])}


@pytest.fixture(scope="module", params=HEADS)
def head(request):
    shape = HEADS[request.param]
    return shape, head_field.surface(shape)


def test_it_is_symmetric(head):
    points = np.random.default_rng(0).uniform(-2, 2, (2000, 3)).astype(np.float32)
    mirrored = points * np.float32([-1, 1, 1])
    difference = head_field.distance(points, head[0]) - head_field.distance(mirrored, head[0])
    assert np.abs(difference).max() < 1e-6


def test_the_slope_near_the_surface_is_that_of_a_distance(head):
    shape, mesh = head
    points = mesh.vertices[:: max(1, len(mesh.vertices) // 2000)]
    slope = np.linalg.norm(head_field.gradient(points, shape), axis=1)
    assert slope.max() < 1.15
    assert (slope > 0.3).mean() > 0.99  # less only in creases, where two surfaces meet


def test_the_surface_is_closed_and_on_the_field(head):
    shape, mesh = head
    assert is_closed(mesh.faces) and signed_volume(mesh.vertices, mesh.faces) > 3
    off = np.abs(head_field.distance(mesh.vertices, shape))
    assert np.quantile(off, 0.95) < 2e-3
    assert pieces(mesh.faces)[0] == 1


def test_eyeballs_are_one_unit_apart_and_seen(head):
    shape, _ = head
    fronts = np.array([[side * 0.5, 0, shape.eye_z + shape.eye_radius] for side in (-1, 1)])
    np.testing.assert_allclose(head_field.distance(fronts, shape), 0, atol=1e-5)
    assert (head_field.kinds(fronts, shape) == head_field.EYE).all()
    shut = AnimalExpression(blink_left=1, blink_right=1)
    assert (head_field.distance(fronts, shape, shut) < -0.005).all()


def test_the_nose_pad_is_where_the_table_says(head):
    shape, mesh = head
    pad = mesh.vertices[head_field.kinds(mesh.vertices, shape) == head_field.NOSE]
    assert abs(pad[pad[:, 2].argmax(), 1] - shape.nose_y) < 0.06
    assert abs(pad[:, 2].max() - shape.nose_z - 0.55 * shape.nose_width) < 0.03


@pytest.mark.parametrize("species", SPECIES)
def test_an_open_jaw_shows_the_mouth(species):
    shape = MEANS[species]
    wide = head_field.surface(shape, AnimalExpression(jaw=0.4))
    assert is_closed(wide.faces)
    inside = head_field.kinds(wide.vertices, shape, AnimalExpression(jaw=0.4)) == head_field.MOUTH
    assert inside.sum() > 60
    assert not (head_field.kinds(wide.vertices, shape) == head_field.MOUTH).any()


def test_one_ear_turns_alone():
    shape = MEANS["cat"]
    points = np.random.default_rng(1).uniform([-1.4, 0.8, -1.4], [1.4, 1.7, -0.4], (3000, 3)).astype(np.float32)
    moved = np.abs(
        head_field.distance(points, shape, AnimalExpression(ear_left=0.4)) - head_field.distance(points, shape)
    )
    assert moved[points[:, 0] > 0].max() > 0.02 and moved[points[:, 0] < 0].max() == 0


def test_drawn_heads_are_whole():
    for species in SPECIES:
        mesh = head_field.surface(draw_shape(species, np.random.default_rng(11)), resolution=48)
        assert is_closed(mesh.faces), species
