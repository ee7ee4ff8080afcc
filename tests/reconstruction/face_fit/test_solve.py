"""Bounded steps against a slow twin."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from maquette.reconstruction.face_fit.solve import bounded_step


def test_bounded_step_equals_the_slow_twin():
    rng = np.random.default_rng(3)
    for _ in range(5):
        J, b = rng.normal(size=(40, 12)), rng.normal(size=40)
        bounds = np.column_stack([-rng.random(12) * 0.1, rng.random(12) * 0.1])
        twin = lsq_linear(J, b, (bounds[:, 0], bounds[:, 1]), method="bvls", tol=1e-12).x
        found = bounded_step(J.T @ J, J.T @ b, bounds)
        assert np.allclose(found, twin, atol=1e-6)
