"""Space warped from one head to another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from maquette.texturing.hair.warp import SMOOTHING, similarity, warp

RANDOM = np.random.default_rng(4)
POINTS = RANDOM.normal(size=(40, 3)) * 0.1


def test_a_similarity_is_found_exactly():
    turn = np.linalg.qr(RANDOM.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    matrix, step = similarity(POINTS, 1.3 * POINTS @ turn.T + [1, 2, 3])
    assert np.allclose(matrix, 1.3 * turn) and np.allclose(step, [1, 2, 3])
    elsewhere = RANDOM.normal(size=(9, 3))
    assert np.allclose(warp(POINTS, 1.3 * POINTS @ turn.T, elsewhere), 1.3 * elsewhere @ turn.T, atol=1e-9)


def test_it_is_scipys_radial_basis_on_what_a_similarity_leaves():
    target = POINTS * [1.1, 0.9, 1.0] + 0.01 * np.sin(30 * POINTS)
    matrix, step = similarity(POINTS, target)
    left = RBFInterpolator(POINTS, target - (POINTS @ matrix.T + step), kernel="linear", smoothing=SMOOTHING)
    elsewhere = RANDOM.normal(size=(9, 3)) * 0.1
    assert warp(POINTS, target, elsewhere) == pytest.approx(elsewhere @ matrix.T + step + left(elsewhere), abs=1e-9)
    assert np.abs(warp(POINTS, target, POINTS) - target).max() < 2e-3
