"""The landmark term."""

from __future__ import annotations

import numpy as np

from known_heads import make_view, observe
from maquette.reconstruction.face_fit.method import MODES, landmark_term
from maquette.weights.store import fetch


def test_landmark_jacobian_is_the_derivative():
    term, rng = landmark_term(fetch), np.random.default_rng(1)
    shape = np.concatenate([rng.normal(size=MODES) * 0.5, np.full(52, 0.1)])
    view = make_view(0.3, 0.1, 0.1, shape[MODES:])
    seen = observe(make_view(0.25, 0.1, 0.1), np.zeros(MODES))
    unit, bias = view.unit(), term.bias(view)

    def prediction(v, s):
        return -(term.residual(v, seen, s).value + term.bias(v)) * v.unit() / unit - bias

    start = prediction(view, shape)
    slope = term.residual(view, seen, shape)
    for k in (0, 1, 2, 3):
        change = prediction(view.moved(np.eye(7)[k] * 1e-6, view.expression), shape) - start
        assert np.allclose(
            change / 1e-6, slope.by_pose[:, :, k], rtol=2e-2, atol=2e-2 * np.abs(slope.by_pose[:, :, k]).max()
        )
    for k in (0, 7, MODES + 24):
        change = prediction(view, shape + np.eye(len(shape))[k] * 1e-6) - start
        assert np.allclose(change / 1e-6, slope.by_shape[:, :, k], rtol=1e-2, atol=1e-3)
