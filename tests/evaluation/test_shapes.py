"""Distances with known answers: spheres, planes, and a brute-force twin."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.evaluation.meshes import Shape
from maquette.evaluation.normals import normal_angles, normal_error
from maquette.evaluation.shapes import ClosestPoints, Distances, distances, sample_surface


def slow_distance(point, corners):
    """Distance from a point to one triangle: the interior if the foot lies in it, else the nearest of three edges."""
    a, b, c = corners
    normal = np.cross(b - a, c - a)
    feet = []
    if normal @ normal > 0:
        foot = point - ((point - a) @ normal) / (normal @ normal) * normal
        turns = [np.cross(q - p, foot - p) @ normal for p, q in ((a, b), (b, c), (c, a))]
        if min(turns) >= 0:
            feet.append(foot)
    for p, q in ((a, b), (b, c), (c, a)):
        along = (point - p) @ (q - p) / max((q - p) @ (q - p), 1e-300)
        feet.append(p + np.clip(along, 0, 1) * (q - p))
    return min(np.linalg.norm(point - foot) for foot in feet)


def test_brute_force_twin():
    generator = np.random.default_rng(0)
    vertices, faces = generator.normal(size=(60, 3)), generator.integers(0, 60, (90, 3))
    faces = faces[[len({*row}) == 3 for row in faces.tolist()]]
    faces = np.concatenate([faces, [[1, 1, 2]]])  # a degenerate one
    points = np.concatenate([generator.normal(size=(60, 3)), 100 * generator.normal(size=(10, 3)), vertices[:5]])
    closest, gaps, index = ClosestPoints(Shape(vertices, faces)).query(points)
    slow = [min(slow_distance(p, vertices[f]) for f in faces if len({*f.tolist()}) == 3) for p in points]
    assert np.allclose(gaps, slow, atol=1e-9)
    assert np.allclose([slow_distance(q, vertices[faces[k]]) for q, k in zip(closest, index)], 0, atol=1e-9)


def test_a_sphere_one_centimetre_larger(sphere):
    """Reference value of the field: r against r + 1 cm gives P2S 1 cm within 1 %."""
    found = distances(sphere(0.51), sphere(0.50), np.random.default_rng(0))
    assert found.p2s == pytest.approx(0.01, rel=0.01)
    assert found.chamfer == pytest.approx(0.01, rel=0.01)
    assert found.chamfer_squared == pytest.approx(1e-4, rel=0.02)
    assert found.f_score(0.0095) == 0 and found.f_score(0.012) == 1


def test_identical_meshes_are_zero(sphere):
    shape = sphere(1.0, 3)
    found = distances(shape, shape, np.random.default_rng(0))
    assert found.chamfer < 1e-12 and found.f_score(1e-9) == 1
    assert normal_error(shape, shape, 64) == 0
    assert normal_angles(shape, shape, np.random.default_rng(0), 500).max() < 1e-3


def test_a_moved_plane_and_its_directions(plane):
    """A small plane over a large one: near for the small, far for the large."""
    small, large = plane(0.25), plane(0.0)
    large = large.moved(large.vertices * 3 - [1, 1, 0])
    found = distances(small, large, np.random.default_rng(0))
    assert np.allclose(found.forward, 0.25) and found.backward.mean() > 0.4
    assert found.chamfer == pytest.approx((found.forward.mean() + found.backward.mean()) / 2)


def test_order_of_vertices_and_faces_does_not_matter(sphere):
    generator = np.random.default_rng(1)
    a, b = sphere(1.0, 2), sphere(1.2, 2)
    order = generator.permutation(len(a.vertices))
    shuffled = Shape(a.vertices[order], generator.permutation(np.argsort(order)[a.faces]))
    first = distances(a, b, generator, samples=None)
    second = distances(shuffled, b, generator, samples=None)
    assert first.chamfer == pytest.approx(second.chamfer) and first.p2s == pytest.approx(second.p2s)
    assert distances(b, a, generator, samples=None).chamfer == pytest.approx(first.chamfer)


def test_samples_are_even(plane):
    points, faces = sample_surface(plane(), 20000, np.random.default_rng(0))
    assert np.allclose(points[:, :2].mean(axis=0), 0.5, atol=0.01) and np.allclose(points[:, 2], 0)
    counts = np.histogram2d(points[:, 0], points[:, 1], bins=4, range=[[0, 1], [0, 1]])[0]
    assert counts.min() > 1000 and counts.max() < 1500 and faces.max() < 200


def test_f_score_by_hand():
    found = Distances(np.array([0.0, 2.0]), np.array([0.0, 0.0, 0.0, 2.0]))
    assert found.f_score(1.0) == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert Distances(np.ones(2), np.ones(2)).f_score(0.5) == 0


def test_many_points_take_seconds(sphere):
    import time

    directions = np.random.default_rng(0).normal(size=(20_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    start = time.process_time()
    gaps = ClosestPoints(sphere(1.0, 5)).query(1.01 * directions)[1]
    assert time.process_time() - start < 5, "measured 0.6 s"
    assert np.allclose(gaps, 0.01, atol=5e-4)
