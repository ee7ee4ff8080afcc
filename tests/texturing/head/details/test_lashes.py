"""Lashes stand on the lids, go down with a blink and turn; other heads have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.core.types import Mesh, Reconstruction
from maquette.morphable import load
from maquette.texturing.head.details.lashes import lash_cards, lash_texture, with_lashes
from maquette.texturing.head.fill import Palette

MODEL = load("maquette-head")
PALETTE = Palette(np.array([200.0, 160.0, 140.0]), np.array([150.0, 120.0, 80.0]), 1.0)
SCALE = 1.07


def head(**units: float) -> Reconstruction:
    identity = np.random.default_rng(3).normal(size=20) * 0.5
    expression = np.array([[units.get(name, 0.0) for name in MODEL.expression_names]])
    vertices = MODEL.vertices(identity, expression[0], SCALE)
    shape = Mesh(vertices, MODEL.faces, MODEL.uvs, MODEL.uv_faces)
    return Reconstruction(shape, (), model=MODEL.name, identity=identity, expression=expression, scale=SCALE)


@pytest.fixture(scope="module")
def part():
    return with_lashes(head(), MODEL, PALETTE).parts[0]


def unit(name: str) -> np.ndarray:
    return SCALE * sum(MODEL.expression_basis[MODEL.expression_names.index(name + side)] for side in ("Left", "Right"))


def test_they_are_few_and_follow_vertices_of_the_lids(part):
    cards = lash_cards()
    assert part.name == "lashes" and len(cards.faces) < 400 and part.mesh.texture.shape[2] == 4
    assert np.allclose(cards.weights.sum(axis=1), 1, atol=1e-5)
    assert MODEL.regions["eyelids"][cards.anchors].min() > 0.1
    lids = head().shape.vertices[MODEL.regions["eyelids"] > 0.2]
    gap = cKDTree(lids).query(part.mesh.vertices)[0]
    assert gap.min() < 0.001 and gap.max() < 0.012, "metres"


def test_they_lie_on_the_neutral_head_whatever_the_photo_shows(part):
    """A part moves from there with the weights of the units."""
    smiling = with_lashes(head(mouthSmileLeft=0.7, eyeBlinkLeft=0.6), MODEL, PALETTE).parts[0]
    assert np.abs(smiling.mesh.vertices - part.mesh.vertices).max() < 2e-6


def test_a_blink_takes_them_down_and_turns_them(part):
    moved = part.follow(unit("eyeBlink"))
    front = np.abs(np.abs(part.mesh.vertices[:, 0]) / SCALE - 0.032) < 0.008
    assert moved[front, 1].max() < -0.003, "metres"
    tips = part.mesh.vertices[:, 1] > np.quantile(part.mesh.vertices[front, 1], 0.9)
    roots = cKDTree(head().shape.vertices[MODEL.regions["eyelids"] > 0.2]).query(part.mesh.vertices)[0] < 0.001
    assert moved[front & tips, 1].mean() < moved[front & roots, 1].mean() - 0.001
    assert np.abs(part.follow(unit("mouthSmile"))).max() < 0.003


def test_both_sides_are_alike(part):
    shape = Mesh(MODEL.vertices(np.zeros(1), np.zeros(52), SCALE), MODEL.faces)
    average = replace(head(), identity=np.zeros(1), shape=shape)
    mean = with_lashes(average, MODEL, PALETTE).parts[0].mesh.vertices
    assert cKDTree(mean).query(mean * [-1, 1, 1])[0].max() < 0.0015


def test_they_are_dark_and_as_grey_as_the_photo():
    coloured = lash_texture(PALETTE)
    assert coloured[..., :3].max() <= 90 and np.ptp(coloured[..., 3]) > 200
    grey = Palette(np.full(3, 150.0), np.full(3, 60.0), 1.0)
    assert np.ptp(lash_texture(grey)[0, 0, :3]) <= 2


def test_heads_of_other_models_have_none():
    made = head()
    assert with_lashes(made, replace(MODEL, name="flame"), PALETTE) is made
