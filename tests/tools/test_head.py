"""The parts from which the head is built: cutting, subdividing, unwrapping, teeth. anny itself is not needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import trimesh

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from head import teeth, topology

from maquette.geometry.mesh import boundary_loops

BALL = trimesh.creation.icosphere(subdivisions=3)


def test_cut_leaves_one_flat_rim():
    faces, weights = topology.cut(BALL.faces, BALL.vertices[:, 1] + 0.31)
    vertices = weights @ BALL.vertices
    loops = boundary_loops(faces)
    assert np.allclose(weights.sum(axis=1), 1)
    assert len(loops) == 1
    assert np.allclose(vertices[loops[0], 1], -0.31, atol=1e-9)
    assert vertices[:, 1].min() > -0.31 - 1e-9
    normals = np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2)))
    assert (np.einsum("fd,fd->f", normals, vertices[faces].mean(axis=1)) > -1e-12).all()


def test_subdivision_keeps_a_closed_surface_and_weights():
    cube = trimesh.creation.box()
    faces, weights = topology.subdivide(cube.faces, sp.eye(len(cube.vertices)).tocsr())
    fine = trimesh.Trimesh(weights @ cube.vertices, faces, process=False)
    assert fine.is_watertight and fine.is_winding_consistent and fine.volume > 0
    assert len(faces) == 4 * len(cube.faces)
    assert np.allclose(weights.sum(axis=1), 1)


def test_mirror_refuses_an_asymmetric_mesh():
    assert (topology.mirror_of(BALL.vertices)[topology.mirror_of(BALL.vertices)] == np.arange(len(BALL.vertices))).all()
    with pytest.raises(ValueError, match="not symmetric"):
        topology.mirror_of(BALL.vertices + np.array([0.01, 0, 0]))


def test_unwrap_has_no_flips_and_gives_the_wanted_area():
    pytest.importorskip("torch")
    from head import unwrap

    faces, weights = topology.cut(BALL.faces, BALL.vertices[:, 1] + 0.513)
    vertices = weights @ BALL.vertices
    front = vertices[:, 2] > 0.5
    uv = unwrap.unwrap_skin(vertices, faces, 1.0 + 2.0 * front, topology.mirror_of(vertices))
    area = unwrap.signed_areas(uv, faces)
    assert area.min() > 0
    assert uv.min() >= 0 and uv.max() <= 1
    shown = front[faces].all(axis=1)
    solid = np.linalg.norm(np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2))), axis=1)
    assert area[shown].sum() / area.sum() > 1.5 * solid[shown].sum() / solid.sum()


def test_teeth_face_outwards_and_sit_behind_the_lips():
    lips = np.array([0.0, -0.065, 0.03])
    places, faces = teeth.places(lips), teeth.row_faces()
    size = teeth.ROWS * teeth.COLUMNS
    for row in (places[:size], places[size:]):
        normals = np.cross(row[faces[:, 1]] - row[faces[:, 0]], row[faces[:, 2]] - row[faces[:, 0]])
        front = np.abs(row[faces].mean(axis=1)[:, 0]) < 0.005
        assert (normals[front, 2] > 0).all()
        assert row[:, 2].max() < lips[2] - 0.003
    assert places[:size, 1].mean() > places[size:, 1].mean()


def test_rows_move_like_their_guides():
    guides = [np.array([[0, 1, 2]]), np.array([[3, 4, 5]])]
    faces, weights = teeth.rows_like(guides, 6)
    moved = weights @ np.array([[0.0], [0], [0], [3], [6], [9]])
    half = teeth.ROWS * teeth.COLUMNS
    assert np.allclose(moved[:half], 0) and np.allclose(moved[half:], 6)
    assert faces.max() == 2 * half - 1
