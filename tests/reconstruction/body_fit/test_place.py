"""The motion of a body is smoothed without lag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from drawn import placement
from maquette.reconstruction.body_fit.place import intersection_over_union, smoothed


def shaken(count=60):
    """A body that turns evenly while everything trembles."""
    rng, still = np.random.default_rng(0), placement(count)
    angles = np.linspace(0, 3.0, count) + 0.05 * rng.normal(size=count)
    rotations = still.rotations.copy()
    rotations[:, 0] = Rotation.from_rotvec(np.outer(angles, [0, 1, 0])).as_matrix()
    return replace(still, rotations=rotations, spot=still.spot + 2 * rng.normal(size=(count, 2)))


def test_motion_is_smoothed_without_lag():
    trembling = shaken()
    steady = smoothed(trembling, np.arange(60) / 25, 0.15)
    turned = Rotation.from_matrix(steady.rotations[:, 0]).as_euler("yxz")[:, 0]
    inner, even = slice(8, -8), np.linspace(0, 3.0, 60)
    assert np.abs(np.unwrap(turned) - even)[inner].max() < 0.05
    # Less than a pixel of jitter on somebody who stands or walks evenly.
    assert np.sqrt(((steady.spot - placement(60).spot)[inner] ** 2).mean()) < 1.0
    bends = [np.diff(one.spot, 2, axis=0) for one in (trembling, steady)]
    assert np.abs(bends[1]).mean() < 0.1 * np.abs(bends[0]).mean()


def test_a_still_body_stays_and_nothing_is_done_where_nothing_is_asked():
    still, times = placement(20), np.arange(20) / 25
    steady = smoothed(still, times, 0.1)
    np.testing.assert_allclose(steady.rotations, still.rotations, atol=1e-9)
    np.testing.assert_allclose(steady.translation - steady.root, still.translation - still.root, atol=1e-9)
    assert smoothed(still, times, 0.0) is still


def test_overlap_of_silhouettes():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert intersection_over_union(a, b) == 0
    a[:2], b[1:3] = True, True
    assert intersection_over_union(a, b) == 4 / 12
