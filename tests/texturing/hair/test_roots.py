"""Roots: skin is darker the nearer hair is, its features stay, and what is cut out of a card throws no shade."""

import numpy as np
import pytest

from maquette.core.types import Mesh, Part
from maquette.morphable import load
from maquette.texturing.hair.grow import plain_part
from maquette.texturing.hair.roots import SHADE, beside, hair_points, with_roots
from maquette.texturing.head.layers import layers_of

SIZE = 256


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


@pytest.fixture(scope="module")
def layers():
    return layers_of("maquette-head", SIZE)


def card(opacity: int) -> Part:
    """A square of 20 mm before the forehead."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    vertices = np.concatenate([0.01 * corners + [0, 0.075], np.full((4, 1), 0.04)], axis=1).astype(np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    texture = np.full((8, 8, 4), (40, 30, 20, opacity), np.uint8)
    return Part("hair", Mesh(vertices, faces, (corners + 1) / 2, faces, texture))


def test_points_lie_on_what_is_opaque():
    points, colour = hair_points(card(255), 0.002)
    assert 100 <= len(points) < 120 and np.abs(points[:, 0]).max() <= 0.01
    np.testing.assert_array_equal(colour, (40, 30, 20))
    assert len(hair_points(card(20), 0.002)[0]) == 0


def test_skin_beside_hair_is_darker_and_features_stay(model, layers):
    grey = np.full((SIZE, SIZE, 3), 180, np.uint8)
    shape = Mesh(model.mean, model.faces, model.uvs, model.uv_faces, grey)
    hair = plain_part("short01", model.mean, model, 1.0)
    texture = with_roots(shape, hair, model.mean, 1.0, layers).texture
    assert texture is not None and (grey == 180).all(), "the given texture is not written to"
    at = (model.uvs * [SIZE, -SIZE] + [0, SIZE]).astype(int).clip(0, SIZE - 1)
    value = np.zeros(len(model.mean))
    skin = model.parts["skin"]
    value[model.faces[skin].ravel()] = texture[at[:, 1], at[:, 0], 0][model.uv_faces[skin].ravel()]
    crown = (model.regions["scalp"] > 0.9) & (model.mean[:, 1] > 0.03)
    assert np.median(value[crown]) < 180 * (1 - 0.15 * SHADE)
    chin = (model.regions["face"] > 0.9) & (model.mean[:, 1] < -0.06)
    assert (value[chin] == 180).all()
    lips = (model.regions["lips"] > 0.8) & (value > 0)
    assert (value[lips] == 180).all()


def test_no_hair_no_shade(model, layers):
    shape = Mesh(model.mean, model.faces, model.uvs, model.uv_faces, np.full((SIZE, SIZE, 3), 180, np.uint8))
    assert with_roots(shape, card(0), model.mean, 1.0, layers) is shape


def test_the_shade_ends_where_it_says(model, layers):
    points, _ = hair_points(card(255), 0.002)
    share = beside(points, model.mean, 1.0, layers)
    assert share.shape == layers.skin.shape and share.min() >= 0 and share.max() <= 1
    places = layers.skin.spread(model.mean)
    away = np.linalg.norm(places[..., None, :] - points.mean(axis=0), axis=3)[..., 0]
    assert share[away > 0.05].max() < 0.02
