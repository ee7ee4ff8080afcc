"""Continuation of scattered values."""

from __future__ import annotations

import numpy as np

from maquette.texturing.images import membrane


def test_a_constant_stays_constant_and_known_values_stay() -> None:
    rng = np.random.default_rng(0)
    weight = (rng.random((61, 90)) > 0.97).astype(np.float32)
    result = membrane(np.full((61, 90, 2), 7.0, np.float32), weight)
    assert np.allclose(result, 7.0, atol=0.05)
    values = rng.random((61, 90, 1)).astype(np.float32)
    kept = membrane(values, np.ones((61, 90), np.float32))
    assert np.abs(kept - values).max() < 0.03


def test_nothing_known_gives_zero_and_decay_falls() -> None:
    values = np.ones((64, 64, 1), np.float32)
    assert np.array_equal(membrane(values, np.zeros((64, 64), np.float32)), np.zeros((64, 64, 1)))
    weight = np.zeros((64, 64), np.float32)
    weight[:, :4] = 1
    fading = membrane(values, weight, 0.8)[32, :, 0]
    assert fading[1] > 0.9 and fading[-1] < 0.5 and (np.diff(fading) < 0.02).all()
