"""Meshes with known answers: spheres for normals and areas, holes for boundary loops."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.mesh import adjacency, boundary_loops, face_areas, face_normals, vertex_normals, vertex_tangents

RADIUS = 0.1  # metres
BALL = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS)
VERTICES, FACES = np.asarray(BALL.vertices), np.asarray(BALL.faces)
# Three by three vertices numbered along rows, eight anticlockwise triangles; 4 is in the middle.
CORNERS = (0, 1, 3, 4)
TILES = np.array([t for k in CORNERS for t in ((k, k + 1, k + 4), (k, k + 4, k + 3))])


def test_normals_of_a_sphere_point_away_from_its_centre():
    normals = vertex_normals(VERTICES, FACES)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert np.allclose(normals, VERTICES / RADIUS, atol=0.02)
    assert np.allclose(vertex_normals(VERTICES, FACES[:, ::-1]), -normals)


def test_face_normals_are_twice_the_area():
    normals = face_normals(VERTICES, FACES)
    assert np.allclose(np.linalg.norm(normals, axis=1), 2 * face_areas(VERTICES, FACES))
    assert (np.einsum("nd,nd->n", normals, VERTICES[FACES].mean(axis=1)) > 0).all()


def test_areas_of_a_sphere():
    assert np.allclose(face_areas(VERTICES, FACES), BALL.area_faces)
    assert face_areas(VERTICES, FACES).sum() == pytest.approx(4 * np.pi * RADIUS**2, rel=0.01)


def test_vertex_normals_equal_the_slow_twin():
    """Also where a vertex has no face, and where faces differ in size."""
    rng = np.random.default_rng(0)
    vertices, faces = rng.normal(size=(8, 3)), rng.permuted(np.tile(np.arange(7), (10, 1)), axis=1)[:, :3]
    total = np.zeros_like(vertices)
    for a, b, c in faces:
        for corner in (a, b, c):
            total[corner] += np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
    normals = vertex_normals(vertices, faces)
    assert np.allclose(normals[:7], total[:7] / np.linalg.norm(total[:7], axis=1, keepdims=True))
    assert not normals[7].any()


def test_adjacency_has_every_edge_once():
    matrix = adjacency(FACES, len(VERTICES))
    assert (matrix != matrix.T).nnz == 0 and matrix.diagonal().sum() == 0
    assert matrix.nnz == 2 * len(BALL.edges_unique) and set(matrix.data) == {1.0}
    assert sorted(matrix[0].indices) == sorted(BALL.vertex_neighbors[0])


def test_a_closed_mesh_has_no_boundary():
    assert boundary_loops(FACES) == []
    assert boundary_loops(np.empty((0, 3), int)) == []


def test_a_boundary_follows_its_faces():
    loops = boundary_loops(TILES)
    assert len(loops) == 1
    start = loops[0].tolist().index(0)
    assert np.roll(loops[0], -start).tolist() == [0, 1, 2, 5, 8, 7, 6, 3], "anticlockwise, as the faces are"


def test_every_hole_is_a_loop_longest_first():
    hole = 42  # a vertex with six faces
    open_ball = FACES[~(hole == FACES).any(axis=1)]
    far = np.argmin(VERTICES @ VERTICES[hole])
    open_ball = open_ball[~(open_ball == far).any(axis=1)]
    other = np.flatnonzero(
        (~np.isin(open_ball, [*BALL.vertex_neighbors[hole], *BALL.vertex_neighbors[far]])).all(axis=1)
    )[0]
    loops = boundary_loops(np.delete(open_ball, other, axis=0))
    wanted = [set(BALL.vertex_neighbors[hole]), set(BALL.vertex_neighbors[far]), set(open_ball[other].tolist())]
    assert [len(loop) for loop in loops] == sorted(map(len, wanted), reverse=True)
    assert all(set(loop.tolist()) in wanted for loop in loops)


def test_tangents_of_a_tilted_square_run_along_the_texture():
    places = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 1], [0, 1, 1]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    normals = np.tile(np.array([0, -1, 1]) / np.sqrt(2), (4, 1))
    uvs = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    found = vertex_tangents(places, faces, uvs, normals)
    assert found == pytest.approx(np.tile([1, 0, 0, 1], (4, 1)), abs=1e-6)
    mirrored = vertex_tangents(places, faces, uvs * [-1, 1], normals)
    assert mirrored == pytest.approx(np.tile([-1, 0, 0, -1], (4, 1)), abs=1e-6), "the other way, and left-handed"


def test_tangents_exist_where_the_texture_says_nothing():
    normals = VERTICES / np.linalg.norm(VERTICES, axis=1, keepdims=True)
    found = vertex_tangents(VERTICES, FACES, np.zeros((len(VERTICES), 2)), normals)
    assert np.linalg.norm(found[:, :3], axis=1) == pytest.approx(1, abs=1e-5)
    assert np.abs((found[:, :3] * normals).sum(axis=1)).max() < 1e-5
