"""Solids are closed where they say so, face outwards, and have the volume of what they are."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.alignment import Similarity
from maquette.geometry.mesh import boundary_loops
from maquette.synthesis.solids import ball, block, joined, rounded_box, swept_tube, tube

RADII = np.array([0.1, 0.2, 0.3])


def volume(vertices, faces):
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.einsum("nk,nk->", a, np.cross(b, c)) / 6


def charted():
    path = np.stack([0.1 * np.sin(np.linspace(0, 2, 12)), -np.linspace(0, 0.3, 12), np.zeros(12)], axis=1)
    return {
        "tail": swept_tube(path, np.full(12, 0.02)),
        "ball": rounded_box(np.array([0.3, 0, 1]), RADII),
        "box": rounded_box(np.zeros(3), RADII, 0.35),
    }


def test_solids_face_outwards():
    path = np.array([[0, 0, 0], [0, 0.5, 0], [0, 1.0, 0]])
    assert volume(*tube(path, 0.1, 0.1, np.array([0, 0, 1.0]))) == pytest.approx(np.pi * 0.01, rel=0.12)
    assert volume(*block(np.zeros(3), np.diag([0.5, 1, 2]))) == pytest.approx(8, rel=1e-5)
    assert volume(*ball(np.zeros(3), np.eye(3))) == pytest.approx(4.19, rel=0.15)


@pytest.mark.parametrize("name", charted())
def test_charted_solids_are_closed_and_face_outwards(name):
    solid = charted()[name]
    edges = np.concatenate([solid.faces[:, [0, 1]], solid.faces[:, [1, 2]], solid.faces[:, [2, 0]]])
    assert boundary_loops(solid.faces) == [] and len(np.unique(edges, axis=0)) == len(edges)
    assert volume(solid.vertices.astype(float), solid.faces) > 0 and np.isfinite(solid.vertices).all()
    assert solid.cloth_faces.max() < len(solid.cloth) and solid.cloth_faces.shape == solid.faces.shape


def test_a_ball_has_its_volume_and_a_box_more():
    ellipsoid, box = (volume(charted()[name].vertices.astype(float), charted()[name].faces) for name in ("ball", "box"))
    assert ellipsoid == pytest.approx(4 / 3 * np.pi * RADII.prod(), rel=0.06)
    assert 1.2 * ellipsoid < box < 8 * RADII.prod()


def test_a_moved_solid_keeps_its_volume():
    solid = charted()["box"]
    moved = solid.moved(Similarity(1.0, np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([1.0, 2, 3])))
    assert np.allclose(moved.vertices.mean(axis=0), solid.vertices.mean(axis=0) + np.array([1, 2, 3]), atol=0.01)
    assert volume(moved.vertices.astype(float), moved.faces) == pytest.approx(
        volume(solid.vertices.astype(float), solid.faces), rel=1e-4
    )


def test_joined_solids_are_numbered_on():
    one = block(np.zeros(3), np.eye(3))
    both = joined([one, block(np.full(3, 5.0), np.eye(3))])
    assert len(both.vertices) == 2 * len(one.vertices) and both.faces.max() == len(both.vertices) - 1
    assert volume(both.vertices.astype(float), both.faces) == pytest.approx(16)
