"""Seams split, holes closed, and what touches joined."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.mesh import boundary_loops
from maquette.outputs.meshes.weld import extrude, fill, split_seams, weld


def test_splitting_seams_loses_no_corner():
    faces = np.array([[0, 1, 2], [2, 1, 3]])
    uv_faces = np.array([[0, 1, 2], [4, 5, 3]])
    corners, vertex_of, uv_of = split_seams(faces, uv_faces)
    assert np.array_equal(vertex_of[corners], faces) and np.array_equal(uv_of[corners], uv_faces)
    assert len(vertex_of) == 6


def test_a_box_without_its_lid_becomes_one_again():
    box = trimesh.creation.box((1, 2, 3))
    faces = np.asarray(box.faces)[box.face_normals[:, 2] < 0.5]
    loop = boundary_loops(faces)[0]
    vertices, taller, upper = extrude(np.asarray(box.vertices), faces, loop, box.vertices[loop] + np.array([0, 0, 1.0]))
    closed = trimesh.Trimesh(*fill(vertices, taller, upper, vertices[upper].mean(axis=0)), process=False)
    assert closed.is_watertight and closed.volume == pytest.approx(1 * 2 * 4)


def test_corners_at_one_place_are_joined_and_flat_triangles_go():
    box = trimesh.creation.box()
    loose = np.asarray(box.vertices)[box.faces].reshape(-1, 3)
    corners = np.vstack([np.arange(len(loose)).reshape(-1, 3), [[0, 0, 1]]])
    vertices, faces = weld(loose, corners)
    assert len(vertices) == 8 and len(faces) == 12 and trimesh.Trimesh(vertices, faces, process=False).is_watertight
