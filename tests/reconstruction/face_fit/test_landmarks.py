"""The landmark term."""

from __future__ import annotations

from dataclasses import replace

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


def test_the_bias_slope_is_its_derivative_by_distance():
    term, view = landmark_term(fetch), make_view(0.3, 0.1, 0.1)
    near = replace(view, translation=np.array([0.02, 0.01, 0.3]))
    for one in (view, near):
        step = np.array([0, 0, 1e-6])
        low, high = (term.bias(replace(one, translation=one.translation + k * step)) for k in (-1, 1))
        assert np.allclose((high - low) / 2e-6, term.bias_slope(one), rtol=1e-4, atol=1e-8)
        slope = term.residual(one, observe(view, np.zeros(MODES)), np.zeros(MODES + 52)).by_pose[:, :, 5]
        placed = term.mean @ one.rotation.T + one.translation
        plain = -one.focal * placed[:, :2] / placed[:, 2:] ** 2 / one.unit()
        assert np.allclose(slope[:, :2] - term.bias_slope(one)[:, :2], plain, rtol=1e-6)
    assert np.abs(term.bias_slope(near)).max() > 5 * np.abs(term.bias_slope(view)).max()


def test_a_bias_learned_without_distance_has_no_slope():
    term = landmark_term(fetch)
    older = replace(term, noise={**term.noise, "bias": term.noise["bias"][:4]})
    view = make_view(0.3, 0.1, 0.1)
    assert not older.bias_slope(view).any()
    sine = np.sin(0.3)
    wanted = np.tensordot([1, sine, abs(sine), sine**2], term.noise["bias"][:4], 1)
    assert np.allclose(older.bias(view), wanted)
