"""The landmark term."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from known_heads import MODEL, make_view, observe
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


def test_the_learned_noise_is_a_covariance():
    learned = MODEL.landmark_noise
    rank = len(learned["factor"])
    assert learned["bias"].shape == (7, 478, 3) and learned["factor"].shape == (rank, 478, 3)
    assert learned["spread"].shape == (478, 3) and learned["growth"].shape == (3,)
    assert all(np.isfinite(values).all() for name, values in learned.items() if name != "scores")
    assert learned["spread"].min() > 0
    yaw = np.abs(np.sin(np.linspace(-1.15, 1.15, 9)))
    growth = np.polyval(learned["growth"], yaw)
    assert np.polyval(learned["growth"], 0) == pytest.approx(1) and growth.min() > 0.8
    front = np.sqrt((learned["factor"] ** 2).sum(axis=0) + learned["spread"] ** 2)[:468, :2]
    assert 0.005 < np.median(front) < 0.06, "a few per cent of the pupils' distance"


def test_the_nearer_the_camera_the_farther_in_front_lies_the_outline_that_is_seen():
    """From near, chin and forehead end earlier than the head's own and cheeks hide the sides: known without a detector.

    Coefficients of nearness, by the pupils' distance, y down: outlines move towards the nose, sides away from it.
    """
    near = MODEL.landmark_noise["bias"][4]
    assert near[152, 1] < -0.1 and near[10, 1] > 0.1, "chin up, hairline down"
    assert near[234, 0] < -0.05 and near[454, 0] > 0.05, "before the ears, outwards"
    eyes = [33, 133, 263, 362]
    assert np.abs(near[eyes, :2]).max() < 0.1, "eyes stay"
    assert np.allclose(near[MODEL.landmark_mirror] * [-1, 1, 1], near, atol=2e-3)
