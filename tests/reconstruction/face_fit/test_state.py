"""Poses, cameras and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from known_heads import make_view, observe
from maquette.geometry.camera import project
from maquette.reconstruction.face_fit.method import MODES, landmark_term
from maquette.reconstruction.face_fit.state import first_guess, project_points
from maquette.weights.store import fetch


@pytest.mark.parametrize("yaw, pitch, roll", [(0.4, 0.1, -0.2), (-0.9, -0.3, 0.3), (0, 0, 0)])
def test_pose_angles_round_trip(yaw, pitch, roll):
    assert np.allclose(make_view(yaw, pitch, roll).yaw_pitch_roll(), (yaw, pitch, roll), atol=1e-12)


def test_positive_yaw_turns_to_the_subjects_left():
    """The nose moves towards the subject's left, which a camera in front sees on the right of the picture."""
    nose = np.array([[0, 0, 0.1]])
    turned, straight = (project(make_view(yaw, 0, 0).camera((512, 512)), nose)[0] for yaw in (0.3, 0))
    assert turned[0, 0] > straight[0, 0]


def test_pixels_come_with_their_derivatives():
    view, rng = make_view(0.4, 0.1, 0.2), np.random.default_rng(0)
    points, basis = rng.normal(size=(5, 3)) * 0.05, rng.normal(size=(5, 3, 4)) * 0.01

    def place(v, weights):
        return (points + basis @ weights) @ v.rotation.T + v.translation

    found = project_points(view, place(view, np.zeros(4)), basis)
    for k in range(7):
        step = np.eye(7)[k] * 1e-6
        moved = view.moved(step, view.expression)
        change = project_points(moved, place(moved, np.zeros(4)), basis).value - found.value
        assert np.allclose(change / 1e-6, found.by_pose[:, :, k], rtol=1e-3, atol=1e-2)
    for k in range(4):
        change = project_points(view, place(view, np.eye(4)[k] * 1e-6), basis).value - found.value
        assert np.allclose(change / 1e-6, found.by_shape[:, :, k], rtol=1e-3, atol=1e-2)


def test_first_guess_finds_the_pose():
    view = make_view(0.5, 0.2, -0.3)
    guess = first_guess(observe(view, np.zeros(MODES)), landmark_term(fetch).mean, 52)
    assert np.allclose(guess.yaw_pitch_roll(), view.yaw_pitch_roll(), atol=0.12)
    assert np.isclose(guess.unit(), view.unit(), rtol=0.12)


def test_a_wild_start_stays_finite():
    """A step is shortened where the linear model fails, so that no pose runs away."""
    view = make_view(0.0, 0.0, 0.0)
    far = view.moved(np.array([5.0, 0, 0, 0, 0, -50.0, 9.0]), view.expression)
    assert far.translation[2] > 0 and np.isfinite(far.focal)
    assert np.allclose(far.rotation @ far.rotation.T, np.eye(3), atol=1e-9)
