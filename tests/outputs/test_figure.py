"""Subdivision and occlusion for pictures."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.mesh import vertex_normals
from maquette.outputs.figure import make_figure, openness, rounded, split_seams


def test_rounding_a_ball_makes_it_rounder_and_keeps_it_closed():
    ball = trimesh.creation.icosphere(2, 1.0)
    normals = vertex_normals(ball.vertices, ball.faces)
    midpoints, edges, faces = rounded(ball.vertices, ball.faces, normals)
    fine = trimesh.Trimesh(np.vstack([ball.vertices, midpoints]), faces, process=False)
    assert fine.is_watertight and len(fine.faces) == 4 * len(ball.faces)
    flat = np.linalg.norm(ball.vertices[edges].mean(axis=1), axis=1)
    assert np.abs(np.linalg.norm(midpoints, axis=1) - 1).max() < 0.5 * np.abs(flat - 1).max()
    assert fine.volume > ball.volume


def test_rims_stay_straight_so_that_parts_still_meet():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]])
    tilted = np.array([[0.6, 0, 0.8], [-0.6, 0, 0.8], [0, -0.6, 0.8]])
    midpoints, edges, _ = rounded(vertices, np.array([[0, 1, 2]]), tilted)
    assert np.allclose(midpoints, vertices[edges].mean(axis=1))


def test_openness_is_one_in_the_open_and_low_in_a_pit():
    floor = trimesh.creation.box((1, 1, 0.01))
    box = trimesh.creation.box((0.04, 0.04, 0.04))
    box.invert()
    open_box = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] > -0.5], process=False)
    assert openness(floor.vertices, floor.faces, vertex_normals(floor.vertices, floor.faces)).min() > 0.95
    pit = openness(open_box.vertices, open_box.faces, vertex_normals(open_box.vertices, open_box.faces))
    assert pit[open_box.vertices[:, 2] < 0].max() < 0.8


def test_splitting_seams_loses_no_corner():
    faces = np.array([[0, 1, 2], [2, 1, 3]])
    uv_faces = np.array([[0, 1, 2], [4, 5, 3]])
    corners, vertex_of, uv_of = split_seams(faces, uv_faces)
    assert np.array_equal(vertex_of[corners], faces) and np.array_equal(uv_of[corners], uv_faces)
    assert len(vertex_of) == 6


@pytest.mark.parametrize("levels", [0, 1])
def test_a_part_keeps_its_corners(levels):
    ball = trimesh.creation.icosphere(2, 0.1)
    figure = make_figure(ball.vertices, ball.faces.astype(np.int32), levels=levels)
    some = np.arange(0, len(figure.faces), 3)
    part = figure.part(some)
    assert np.array_equal(part.vertices[part.faces], figure.vertices[figure.faces[some]])
    assert np.allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-5)
