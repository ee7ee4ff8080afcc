"""Bounded steps against a slow twin; several photos."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.reconstruction.face_fit.equations import NormalEquations
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.reconstruction.face_fit.solve import bounded_step
from maquette.weights.store import fetch


def test_bounded_step_equals_the_slow_twin():
    rng = np.random.default_rng(3)
    for _ in range(5):
        J, b = rng.normal(size=(40, 12)), rng.normal(size=40)
        bounds = np.column_stack([-rng.random(12) * 0.1, rng.random(12) * 0.1])
        twin = lsq_linear(J, b, (bounds[:, 0], bounds[:, 1]), method="bvls", tol=1e-12).x
        found = bounded_step(J.T @ J, J.T @ b, bounds)
        assert np.allclose(found, twin, atol=1e-6)


def test_a_photo_three_times_says_no_more_than_once():
    truth = np.random.default_rng(4).normal(size=MODES)
    seen, options = observe(make_view(0.1, 0.0, 0.0), truth), FitOptions(photometric=False)
    once, thrice = (fit(MODEL, landmark_term(fetch), [seen] * count, options).identity for count in (1, 3))
    assert np.linalg.norm(thrice - once) < 0.25 * np.linalg.norm(once)
    assert np.linalg.norm(thrice) < 1.1 * np.linalg.norm(once), "no surer than by one"


def test_scaled_equations_weigh_less_and_ask_for_the_same():
    rng = np.random.default_rng(5)
    J = rng.normal(size=(20, 4))
    whole = NormalEquations(J.T @ J, rng.normal(size=4))
    half = whole.scaled(0.5)
    assert np.allclose((half + half).matrix, whole.matrix)
    assert np.allclose(np.linalg.solve(half.matrix, half.vector), np.linalg.solve(whole.matrix, whole.vector))
