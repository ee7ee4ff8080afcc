"""Registration: a small motion is found, scale is free only where it may be, sliding is seen by correspondences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.evaluation.registration import (
    align_robustly,
    correspondences,
    corresponding_distances,
    icp,
    neighbour_edges,
    settle,
)
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.alignment import Similarity


def motion(scale=1.0, seed=0, degrees=50.0):
    generator = np.random.default_rng(seed)
    axis = generator.normal(size=3)
    turn = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))
    return Similarity(scale, turn.as_matrix(), generator.normal(size=3))


def test_corresponding_points_by_hand():
    points = np.random.default_rng(0).normal(size=(50, 3))
    large = motion(1.2).apply(points)
    assert corresponding_distances(large, points, True).max() < 1e-9
    rigid = corresponding_distances(large, points, False)
    assert np.allclose(rigid, 0.2 * np.linalg.norm(points - points.mean(axis=0), axis=1))
    spoiled = large.copy()
    spoiled[40:] += 9
    inner = np.arange(50) < 40
    assert corresponding_distances(spoiled, points, True, inner).max() < 1e-9
    with pytest.raises(BadInput, match="wanted one topology"):
        corresponding_distances(points[:-1], points, True)


def test_outliers_are_left_out():
    generator = np.random.default_rng(0)
    points = 50 * generator.normal(size=(100, 3))
    target = motion(1.1).apply(points)
    target[:5] += 400
    target[7] = np.nan
    found = align_robustly(points, target, True, 12.0)
    assert found.scale == pytest.approx(1.1)


@pytest.mark.parametrize("scale", [False, True])
def test_icp_finds_a_small_motion(plane, scale):
    shape = plane(bump=0.1, n=21)
    small = motion(1.02 if scale else 1.0, 1, 4.0)
    small = Similarity(small.scale, small.rotation, 0.02 * small.translation)
    points = small.apply(shape.vertices[np.abs(shape.vertices[:, :2] - 0.5).max(axis=1) < 0.4])
    found = icp(shape, points, scale, rounds=400, tolerance=1e-7)
    before = ClosestPoints(shape).query(points)[1].mean()
    after = ClosestPoints(shape.moved(found.apply(shape.vertices))).query(points)[1].mean()
    assert after < 0.05 * before and (scale or found.scale == 1)


@pytest.mark.parametrize("scale", [False, True])
def test_settling_finds_the_exact_motion(plane, scale):
    shape = plane(bump=0.1, n=21)
    small = motion(1.05 if scale else 1.0, 1, 8.0)
    small = Similarity(small.scale, small.rotation, 0.03 * small.translation)
    points = small.apply(shape.vertices[np.abs(shape.vertices[:, :2] - 0.5).max(axis=1) < 0.35])
    found = settle(shape, points, scale)
    assert found.scale == pytest.approx(small.scale, abs=1e-5)
    assert np.allclose(found.rotation, small.rotation, atol=1e-5)
    assert np.allclose(found.translation, small.translation, atol=1e-5)


def test_settling_ends_where_no_small_motion_helps_and_below_icp(sphere):
    """A noisy bust: every nearby motion is worse, and ICP of many rounds gets no lower."""
    generator = np.random.default_rng(0)
    ball = sphere(1.0, 3)
    shape = ball.moved(ball.vertices * [1.0, 1.3, 0.8])
    points = motion(1.1, 3, 6.0).apply(shape.vertices[::3]) + 0.02 * generator.normal(size=(214, 3))
    points -= points.mean(axis=0)

    def cost(there):
        return np.sqrt((ClosestPoints(shape.moved(there.apply(shape.vertices))).query(points)[1] ** 2).mean())

    found = settle(shape, points, True)
    best = cost(found)
    assert best <= cost(icp(shape, points, True, rounds=100, tolerance=1e-8)) + 1e-6
    for seed in range(8):
        near = motion(1.002 if seed % 2 else 0.998, seed, 0.2)
        assert cost(Similarity(near.scale, near.rotation, 0.002 * near.translation).after(found)) > best


def test_settling_a_perfect_fit_stays(sphere):
    ball = sphere(2.0, 2)
    found = settle(ball, ball.vertices, True)
    assert found.scale == pytest.approx(1) and np.allclose(found.rotation, np.eye(3), atol=1e-9)


def test_trimming_ignores_what_the_prediction_lacks(sphere):
    ball = sphere(1.0, 3)
    points = np.concatenate([ball.vertices, ball.vertices[:30] * 1.8])
    found = icp(ball, points, True, keep=0.9)
    assert found.scale == pytest.approx(1, abs=1e-3)


def test_sliding_is_hidden_from_the_nearest_point_and_seen_by_correspondences(plane):
    """A flat patch whose anchors say that it slid by 0.1: nearest points see nothing."""
    target, patch = plane(n=41), plane(n=15)
    points = patch.vertices * 0.5 + [0.2, 0.2, 0]
    corners = np.array([0, 14, 210, 224, 112])
    slid = points[corners] + [0.1, 0, 0]
    landed = correspondences(points, neighbour_edges(points), target, (corners, slid))
    shift = landed - points
    assert ClosestPoints(target).query(points)[1].max() < 1e-9
    assert np.linalg.norm(shift[corners], axis=1) == pytest.approx(0.1, abs=0.01)
    assert 0.02 < np.median(np.linalg.norm(shift, axis=1)) < 0.12


def test_without_anchors_a_matching_surface_is_zero(sphere):
    ball = sphere(1.0, 3)
    landed = correspondences(ball.vertices, neighbour_edges(ball.vertices), ball)
    assert np.abs(landed - ball.vertices).max() < 1e-9
