"""Rays against a sphere that is known exactly, and against every triangle by hand."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera
from maquette.geometry.camera import camera_centre, pixel_rays, project
from maquette.geometry.raycast import RayCaster, render_buffers

RADIUS = 0.1  # metres
BALL = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
VERTICES, FACES = np.asarray(BALL.vertices), np.asarray(BALL.faces)
SAGITTA = 1e-4  # metres, how deep the flat triangles lie under the sphere


def sphere_distance(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(N,) metres to the sphere around the world's origin, infinite where it is missed."""
    along = -np.einsum("nd,nd->n", origins, directions)
    half = RADIUS**2 - (np.einsum("nd,nd->n", origins, origins) - along**2)
    return np.where(half > 0, along - np.sqrt(np.maximum(half, 0)), np.inf)


def slow_hits(vertices: np.ndarray, faces: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> tuple[int, float]:
    """First triangle and its distance: every plane is met, then the point is looked up in the triangle."""
    best, nearest = -1, np.inf
    for index, (a, b, c) in enumerate(vertices[faces]):
        matrix = np.stack([b - a, c - a, -direction], axis=1)
        if abs(np.linalg.det(matrix)) < 1e-15:
            continue
        u, v, distance = np.linalg.solve(matrix, origin - a)
        if u >= 0 and v >= 0 and u + v <= 1 and 0 < distance < nearest:
            best, nearest = index, distance
    return best, nearest


def aimed(seed: int, count: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Rays from 0.3 m away towards points around the origin."""
    rng = np.random.default_rng(seed)
    origins = rng.normal(size=(count, 3))
    origins *= 0.3 / np.linalg.norm(origins, axis=1, keepdims=True)
    directions = rng.normal(size=(count, 3)) * spread - origins
    return origins, directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_a_sphere_is_hit_where_it_is():
    origins, directions = aimed(0, 4000, 0.06)
    face, barycentric, distance = RayCaster(VERTICES, FACES).first_hits(origins, directions)
    wanted = sphere_distance(origins, directions)
    grazing = np.abs(np.linalg.norm(np.cross(origins, directions), axis=1) - RADIUS) < 0.003
    assert 0.3 < np.isfinite(wanted).mean() < 0.95, "some rays hit, some miss"
    assert np.array_equal(face[~grazing] >= 0, np.isfinite(wanted[~grazing]))
    hit = (face >= 0) & ~grazing
    assert np.abs(distance[hit] - wanted[hit]).max() < 10 * SAGITTA
    points = np.einsum("nk,nkd->nd", barycentric[hit], VERTICES[FACES[face[hit]]])
    assert np.allclose(points, origins[hit] + distance[hit, None] * directions[hit], atol=2e-6)
    assert np.allclose(barycentric[hit].sum(axis=1), 1) and barycentric[hit].min() > -1e-4
    missed = face < 0
    assert np.isinf(distance[missed]).all() and not barycentric[missed].any()


def test_first_hits_equal_the_slow_twin():
    rng = np.random.default_rng(2)
    vertices, faces = rng.normal(size=(30, 3)) * 0.1, rng.integers(0, 30, (25, 3))
    faces = faces[[len(set(f)) == 3 for f in faces.tolist()]]
    origins, directions = aimed(3, 120, 0.05)
    face, _, distance = RayCaster(vertices, faces).first_hits(origins, directions)
    twin = [slow_hits(vertices, faces, o, d) for o, d in zip(origins, directions)]
    assert (face >= 0).sum() > 30
    assert np.array_equal(face, [k for k, _ in twin])
    assert np.allclose(distance, [d for _, d in twin], rtol=1e-4)


def test_the_far_side_is_hidden_and_the_near_side_is_not():
    toward = np.array([0.0, 0, 0.5])
    normals = VERTICES / RADIUS
    hidden = RayCaster(VERTICES, FACES).occluded(VERTICES, normals, toward)
    facing = np.einsum("nd,nd->n", normals, toward - VERTICES) / np.linalg.norm(toward - VERTICES, axis=1)
    assert not hidden[facing > 0.1].any()
    assert hidden[facing < -0.1].all()


def test_something_in_front_hides_and_something_behind_the_viewer_does_not():
    wall = np.array([[-1.0, -1, 0], [1, -1, 0], [0, 2, 0]])
    caster = RayCaster(wall, np.array([[0, 1, 2]]))
    points, normals = np.array([[0.0, 0, -0.2]]), np.array([[0.0, 0, 1]])
    assert caster.occluded(points, normals, np.array([0, 0, 0.2])).all()
    assert not caster.occluded(points, normals, np.array([0, 0, -0.1])).any()


@pytest.mark.parametrize("projection, focal", [("perspective", 260.0), ("orthographic", 400.0)])
def test_buffers_of_a_sphere_are_exact(projection, focal):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", [0.2, -0.4, 0.1]).as_matrix()
    pose[:3, 3] = 0.01, -0.02, 0.5
    camera = Camera(np.array([[focal, 0, 60.0], [0, focal, 50.0], [0, 0, 1]]), pose, (120, 100), projection)
    face, barycentric, depth = render_buffers(camera, VERTICES, FACES)
    assert face.shape == depth.shape == (100, 120) and barycentric.shape == (100, 120, 3)
    x, y = np.meshgrid(np.arange(120) + 0.5, np.arange(100) + 0.5)
    origins, directions = pixel_rays(camera, np.stack([x.ravel(), y.ravel()], axis=1))
    wanted = sphere_distance(origins, directions)
    inside = np.linalg.norm(np.cross(origins, directions), axis=1).reshape(100, 120) < RADIUS - 0.003
    points = origins + np.where(np.isfinite(wanted), wanted, 0)[:, None] * directions
    analytic = project(camera, points)[1].reshape(100, 120)
    assert inside.sum() > 1500 and (face >= 0)[inside].all()
    assert np.abs(depth[inside] - analytic[inside]).max() < 10 * SAGITTA
    assert np.isinf(depth[face < 0]).all() and (face < 0).sum() > 1000
    seen = np.einsum("nk,nkd->nd", barycentric[face >= 0], VERTICES[FACES[face[face >= 0]]])
    pixels, along = project(camera, seen)
    assert np.allclose(pixels, np.stack([x[face >= 0], y[face >= 0]], axis=1), atol=0.02)
    assert np.allclose(along, depth[face >= 0], atol=1e-5)
    if projection == "perspective":
        assert depth.min() == pytest.approx(np.linalg.norm(camera_centre(camera)) - RADIUS, abs=2e-3)


@pytest.mark.parametrize("distance", [3.0, 10.0, 40.0, 0.0, -10.0, -40.0])
def test_an_orthographic_camera_sees_the_near_side_at_any_depth(distance):
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = 0.05, 0.02, distance
    camera = Camera(np.array([[400.0, 0, 60.0], [0, 400.0, 50.0], [0, 0, 1]]), pose, (120, 100), "orthographic")
    face, barycentric, depth = render_buffers(camera, VERTICES, FACES)
    inside = face >= 0
    assert inside.sum() == pytest.approx(np.pi * (400 * RADIUS) ** 2, rel=0.01)
    seen = np.einsum("nk,nkd->nd", barycentric[inside], VERTICES[FACES[face[inside]]])
    assert seen[:, 2].min() > -1e-3, "the side that looks to the camera"
    assert np.abs(distance - seen[:, 2] - depth[inside]).max() < 1e-4
