"""Triangles split and bowed outwards."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.subdivision import bow, divide, edges_of, round_off


def test_rounding_a_ball_makes_it_rounder_and_keeps_it_closed():
    ball = trimesh.creation.icosphere(2, 1.0)
    vertices, faces = round_off(ball.vertices, ball.faces, vertex_normals(ball.vertices, ball.faces))
    fine = trimesh.Trimesh(vertices, faces, process=False)
    assert fine.is_watertight and len(fine.faces) == 4 * len(ball.faces)
    flat = np.linalg.norm(ball.vertices[ball.edges_unique].mean(axis=1), axis=1)
    assert np.abs(np.linalg.norm(vertices, axis=1) - 1).max() < 0.5 * np.abs(flat - 1).max()
    assert np.array_equal(vertices[: len(ball.vertices)], ball.vertices), "the given vertices stay"


def test_rims_stay_straight_so_that_parts_still_meet():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]])
    tilted = np.array([[0.6, 0, 0.8], [-0.6, 0, 0.8], [0, -0.6, 0.8]])
    edges, _, uses = edges_of(np.array([[0, 1, 2]]), 3)
    assert np.allclose(bow(vertices, tilted, edges, uses), vertices[edges].mean(axis=1))


def test_only_long_edges_are_split_and_the_surface_stays_closed():
    box = trimesh.creation.box((0.1, 0.02, 0.02))
    for longest, share in ((1.0, 1.0), (0.05, None), (0.001, 4.0)):
        edges, of_face, _ = edges_of(box.faces, len(box.vertices))
        long = box.edges_unique_length.max() if longest is None else longest
        cut = np.linalg.norm(np.diff(box.vertices[edges], axis=1)[:, 0], axis=1) > long
        faces, origin = divide(box.faces, np.where(cut[of_face], of_face + 8, -1))
        vertices = np.vstack([box.vertices, box.vertices[edges].mean(axis=1)])
        fine = trimesh.Trimesh(vertices, faces, process=False)
        assert fine.is_watertight and fine.volume == pytest.approx(box.volume)
        assert share is None or len(faces) == share * len(box.faces)
        old, new = box.face_normals[origin], np.cross(*np.diff(vertices[faces], axis=1).transpose(1, 0, 2))
        assert (np.sum(old * new, axis=1) > 0).all(), "each piece lies in the face it came from"
