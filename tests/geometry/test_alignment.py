"""Procrustes: known motions are found, the answer is the least squares one, weights count as copies would."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.geometry.alignment import IDENTITY, Similarity, similarity


def motion(scale=1.0, seed=0, degrees=50.0):
    generator = np.random.default_rng(seed)
    axis = generator.normal(size=3)
    turn = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))
    return Similarity(scale, turn.as_matrix(), generator.normal(size=3))


@pytest.mark.parametrize("seed", range(4))
def test_a_known_similarity_is_found(seed):
    points, wanted = np.random.default_rng(seed).normal(size=(7, 3)), motion(2.5, seed, 170)
    found = similarity(points, wanted.apply(points))
    assert found.scale == pytest.approx(2.5) and np.allclose(found.rotation, wanted.rotation)
    assert np.allclose(found.translation, wanted.translation)


def test_rigid_keeps_the_size_and_both_are_least_squares():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(20, 3))
    target = motion(1.3).apply(points) + 0.05 * generator.normal(size=(20, 3))
    for scale in (False, True):
        found = similarity(points, target, scale)
        best = np.linalg.norm(found.apply(points) - target)
        assert scale or found.scale == 1
        for seed in range(20):
            near = motion(1.0 + (0.01 if scale else 0.0), seed, 1.0)
            other = Similarity(near.scale, near.rotation, 0.01 * near.translation).after(found)
            assert np.linalg.norm(other.apply(points) - target) >= best


def test_the_rotation_is_that_of_another_program():
    generator = np.random.default_rng(1)
    points = generator.normal(size=(30, 3))
    target = motion(1.0, 3).apply(points) + 0.2 * generator.normal(size=(30, 3))
    weights = generator.random(30)
    weighted = [side - np.average(side, axis=0, weights=weights) for side in (target, points)]
    theirs = Rotation.align_vectors(*weighted, weights=weights)[0].as_matrix()
    assert np.allclose(similarity(points, target, False, weights).rotation, theirs)


@pytest.mark.parametrize("scale", [False, True])
def test_a_weight_counts_like_copies_of_the_point(scale):
    generator = np.random.default_rng(2)
    points, target = generator.normal(size=(2, 9, 3))
    weights = np.array([3, 1, 2, 1, 1, 0, 4, 1, 1])
    weighted = similarity(points, target, scale, weights)
    copied = similarity(np.repeat(points, weights, axis=0), np.repeat(target, weights, axis=0), scale)
    assert np.allclose(weighted.apply(points), copied.apply(points))


def test_mirrored_points_are_not_reflected():
    points = np.random.default_rng(0).normal(size=(9, 3))
    found = similarity(points, points * [-1, 1, 1])
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_the_way_back_and_one_after_the_other():
    points = np.random.default_rng(0).normal(size=(9, 3))
    first, second = motion(1.7, 1), motion(0.6, 2)
    assert np.allclose(second.after(first).apply(points), second.apply(first.apply(points)))
    assert np.allclose(first.inverse().apply(first.apply(points)), points)
    assert np.array_equal(IDENTITY.apply(points), points)


@pytest.mark.parametrize(
    "source, target, weights",
    [
        (np.zeros((5, 3)), np.zeros((4, 3)), None),
        (np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3), None),
        (np.eye(3), np.full((3, 3), np.nan), None),
        (np.eye(3)[:2], np.eye(3)[:2], None),
        (np.eye(3), np.eye(3), np.ones(4)),
        (np.eye(3), np.eye(3), np.zeros(3)),
        (np.eye(3), np.eye(3), np.array([1.0, 1.0, 0.0])),
    ],
)
def test_points_that_fix_nothing_are_refused(source, target, weights):
    with pytest.raises(BadInput, match="alignment"):
        similarity(source, target, True, weights)
