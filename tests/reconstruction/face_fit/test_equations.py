"""Normal equations under a covariance, against the covariance inverted."""

from __future__ import annotations

import numpy as np

from maquette.reconstruction.face_fit.equations import Linearization, NormalEquations, correlated_equations


def test_woodbury_is_the_inverse_of_the_covariance():
    rng = np.random.default_rng(0)
    jacobian, residual, factor = rng.normal(size=(30, 9)), rng.normal(size=30), rng.normal(size=(30, 4))
    information = np.linalg.inv(np.eye(30) + factor @ factor.T)
    found = correlated_equations(jacobian, residual, factor)
    assert np.allclose(found.matrix, jacobian.T @ information @ jacobian)
    assert np.allclose(found.vector, jacobian.T @ information @ residual)


def test_equations_add_up_to_those_of_all_rows():
    rng = np.random.default_rng(1)
    jacobian, residual = rng.normal(size=(20, 5)), rng.normal(size=20)
    parts = [correlated_equations(jacobian[k], residual[k], np.zeros((10, 1))) for k in (slice(10), slice(10, 20))]
    total = parts[0] + parts[1]
    assert isinstance(total, NormalEquations)
    assert np.allclose(np.linalg.solve(total.matrix, total.vector), np.linalg.lstsq(jacobian, residual, rcond=None)[0])


def test_a_jacobian_has_one_row_per_number():
    by_pose, by_shape = np.arange(42.0).reshape(3, 2, 7), np.arange(24.0).reshape(3, 2, 4)
    rows = Linearization(np.zeros((3, 2)), by_pose, by_shape).jacobian()
    assert rows.shape == (6, 11) and np.array_equal(rows[3], [*by_pose[1, 1], *by_shape[1, 1]])
