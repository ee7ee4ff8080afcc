"""What NoW and Feng share."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.evaluation.benchmarks.seven_landmarks import face_region, quantiles


def test_the_region_is_a_ball_of_the_stated_radius():
    seven = np.array(
        [[-45, 0, 0], [-15, 0, 0], [15, 0, 0], [45, 0, 0], [0, -40, 0], [-25, -70, 0], [25, -70, 0]], float
    )
    radius = 1.4 * (90 + 40) / 2
    around = np.random.default_rng(0).normal(size=(500, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    centre = np.array([0, -28, 0])
    assert face_region(centre + 0.999 * radius * around, seven, 1.4).all()
    assert not face_region(centre + 1.001 * radius * around, seven, 1.4).any()


def test_quantiles_keep_the_distribution():
    values = np.random.default_rng(0).exponential(size=200_000)
    kept = quantiles(values)
    assert len(kept) == 10_001 and np.median(kept) == pytest.approx(np.median(values), rel=1e-3)
    assert np.array_equal(quantiles(values[:50]), np.sort(values[:50]))
