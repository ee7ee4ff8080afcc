"""Glasses, hats, masks and hands fit the head that wears them."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.morphable import load
from maquette.synthesis.accessories.glasses import CORNEA, draw_glasses
from maquette.synthesis.accessories.hands import draw_hand
from maquette.synthesis.accessories.hats import KINDS, draw_hat, make_hat
from maquette.synthesis.accessories.masks import draw_mask
from maquette.synthesis.hair.scalp import measure_head
from maquette.synthesis.hair.strands import grow_style
from maquette.synthesis.hair.styles import STYLES
from maquette.synthesis.types import Identity, Kind

SKIN = np.array([0.4, 0.25, 0.18])
DRAWN = {
    "glasses": (lambda m, v, r: draw_glasses(m, v, r), Kind.GLASSES),
    "hat": (lambda m, v, r: draw_hat(m, v, r)[0], Kind.OCCLUDER),
    "mask": (lambda m, v, r: draw_mask(m, v, r), Kind.OCCLUDER),
    "hand": (lambda m, v, r: draw_hand(m, v, SKIN, r), Kind.OCCLUDER),
}


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


def head(model, seed):
    coefficients = np.random.default_rng(seed).normal(size=100) * 0.8
    return model.vertices(coefficients, np.zeros(len(model.expression_names)))


@pytest.mark.parametrize("what", DRAWN)
@pytest.mark.parametrize("seed", range(6))
def test_everything_is_sound_and_repeats(model, what, seed):
    draw, kind = DRAWN[what]
    vertices = head(model, seed)
    surfaces = draw(model, vertices, np.random.default_rng(seed))
    again = draw(model, vertices, np.random.default_rng(seed))
    assert len(surfaces) == len(again) >= 1
    for surface, twin in zip(surfaces, again):
        assert np.array_equal(surface.vertices, twin.vertices) and np.array_equal(surface.albedo, twin.albedo)
        assert surface.kind == kind and surface.vertices.dtype == np.float32 and surface.faces.dtype == np.int32
        assert np.isfinite(surface.vertices).all() and np.abs(surface.vertices).max() < 0.75
        assert surface.faces.min() >= 0 and surface.faces.max() < len(surface.vertices)
        assert surface.albedo.shape in ((3,), (len(surface.vertices), 3)) and surface.albedo.dtype == np.float32
        assert surface.albedo.min() >= 0 and surface.albedo.max() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_lenses_stand_before_the_eyes(model, seed):
    vertices = head(model, seed)
    frame, *lenses = draw_glasses(model, vertices, np.random.default_rng(seed))
    for side, lens in zip(("Left", "Right"), lenses):
        eye = model.eye_centre(vertices, side)
        middle = lens.vertices[:-1].mean(axis=0)
        assert np.linalg.norm((middle - eye)[:2]) < 0.012
        assert lens.vertices[:, 2].min() > eye[2] + CORNEA - 0.004 and middle[2] > eye[2] + CORNEA
        assert 0.04 < lens.alpha <= 0.95
    ears = vertices[model.regions["ears"] > 0.5]
    assert frame.vertices[:, 2].min() < np.median(ears[:, 2])
    assert np.abs(frame.vertices[:, 0]).max() < np.abs(ears[:, 0]).max() + 0.01


def depth(head, points):
    """(N, S) metres: how deep points (N, S, 3) lie inside the head; negative outside."""
    offsets = points - head.centre
    return head.radius(offsets, over_ears=False) - np.linalg.norm(offsets, axis=2)


@pytest.mark.parametrize("kind", KINDS)
def test_hats_enclose_what_they_cover(model, kind):
    vertices = head(model, 3)
    surfaces, cover = make_hat(model, vertices, kind, np.random.default_rng(1))
    shape = surfaces[0].vertices
    hat = measure_head(model, vertices)
    upper = shape[shape[:, 1] > -0.07]  # below it, cloth lies around the neck
    assert (depth(hat, upper[:, None])[:, 0] < 0.001).mean() > 0.99
    if kind != "headband":
        scalp = vertices[(model.regions["scalp"] > 0.9) & (vertices[:, 1] > 0.05)]
        assert shape[:, 1].max() > scalp[:, 1].max() and shape[:, 2].min() < scalp[:, 2].min()
    wearer = (Identity(np.zeros(100), 30, 0.0, np.array([0.2, 0.2, 0.6])), np.array([0.05, 0.03, 0.02]))
    hair = grow_style(model, vertices, STYLES["long"], *wearer, np.random.default_rng(0))
    pressed = cover.press(hair)
    under = cover.below(pressed.points) <= 0
    if kind == "headscarf":
        assert not len(pressed.points)
    else:
        assert len(pressed.points) > 500 and (-depth(hat, pressed.points)[under]).max() < 0.007


@pytest.mark.parametrize("seed", range(4))
def test_masks_cover_nose_mouth_and_chin(model, seed):
    vertices = head(model, seed)
    cloth = draw_mask(model, vertices, np.random.default_rng(seed))[0]
    places = model.embeddings["ibug68"].points(vertices, model.faces)
    for k in (30, 33, 48, 54, 51, 57, 8):
        beside = np.linalg.norm(cloth.vertices[:, :2] - places[k, :2], axis=1)
        near = beside < beside.min() + 0.003  # under the chin the cloth goes back
        assert cloth.vertices[near, 2].max() > places[k, 2] - 0.001
    assert cloth.vertices[:, 1].max() < model.eye_centre(vertices, "Left")[1] + 0.002


@pytest.mark.parametrize("seed", range(8))
def test_hands_are_of_a_hands_size_and_before_the_face(model, seed):
    vertices = head(model, seed)
    hand = draw_hand(model, vertices, SKIN, np.random.default_rng(seed))[0]
    assert hand.vertices[:, 2].max() > 0.0
    extent = np.ptp(hand.vertices, axis=0).max()
    assert 0.2 < extent < 0.75
