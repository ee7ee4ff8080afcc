"""What paint is hung on."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.synthesis.animals.surface import L_EAR, R_EAR, ear_coordinates, from_segment, over, smooth, solid_noise


def test_noise_is_unit_smooth_and_seeded():
    place = np.random.default_rng(0).uniform(-2, 2, (4000, 3)).astype(np.float32)
    field = solid_noise(place, 0.5, np.random.default_rng(1))
    assert abs(field.std() - 1) < 0.35 and abs(field.mean()) < 0.2
    near = solid_noise(place + np.float32(0.005), 0.5, np.random.default_rng(1))
    assert np.abs(near - field).mean() < 0.1 < np.abs(solid_noise(place, 0.5, np.random.default_rng(2)) - field).mean()


def test_ears_have_their_base_at_zero_and_their_tip_at_one(heads):
    for head in heads.values():
        for ear in (R_EAR, L_EAR):
            at_marks = type(head)(head.marks, np.tile([0.0, 0, 1], (20, 1)), head.form)
            up, across, off, _ = ear_coordinates(at_marks, ear)
            assert up[ear[1]] == pytest.approx(1, abs=1e-4) and up[[ear[0], ear[2]]].sum() == pytest.approx(0, abs=1e-4)
            assert across[ear[0]] == pytest.approx(-1, abs=1e-4) and across[ear[2]] == pytest.approx(1, abs=1e-4)
            assert off[list(ear)].max() < 1e-3


def test_distances_from_a_segment():
    places = np.array([[0, 1, 0], [-2, 0, 0], [3, 4, 0]], float)
    assert np.allclose(from_segment(places, np.zeros(3), np.array([1.0, 0, 0])), [1, 2, np.hypot(2, 4)])


def test_steps_and_layers():
    assert np.allclose(smooth(1, 0, np.array([-1, 0.5, 2])), [1, 0.5, 0])
    assert np.allclose(over(np.zeros((2, 3)), np.array([0, 0.5]), np.ones(3)), [[0] * 3, [0.5] * 3])
