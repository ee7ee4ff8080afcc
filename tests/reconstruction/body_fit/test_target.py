"""Who stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from known_bodies import SIZE, pose, seen
from maquette.reconstruction.body_fit.solve import MODES
from maquette.reconstruction.body_fit.target import FOCAL, LEGS, NEAREST_M, standing, targets_of

SEAT = {"hip_L": (-80, 0, 0), "hip_R": (-80, 0, 0), "knee_L": (80, 0, 0), "knee_R": (80, 0, 0)}


def found(hidden: slice = slice(0), **turns):
    one = seen(pose(**turns), np.zeros(MODES), np.random.default_rng(0))
    sure = one.landmark_confidence.copy()
    sure[hidden] = 0.05
    return replace(one, landmark_confidence=sure)


@pytest.mark.parametrize(
    "hidden, turns, stands",
    [
        (slice(0), {}, True),
        (slice(0), {"root": (25, 40, 0)}, True),
        (slice(0), SEAT, False),
        (slice(0), {"root": (0, 0, 80)}, False),
        (slice(0), {"root": (0, 0, 180)}, False),
        (slice(0), {"knee_L": (70, 0, 0), "knee_R": (60, 0, 0)}, False),
        (slice(27, 33), {"root": (20, 0, 0)}, True),
        (slice(27, 33), SEAT, False),
        (slice(25, 33), {"knee_L": (30, 0, 0)}, True),
        (slice(25, 33), SEAT, False),
    ],
)
def test_who_stretches_upright_stands(hidden, turns, stands):
    sure = standing(found(hidden, **turns))
    assert sure > 0.9 if stands else sure < 0.1


def test_who_was_not_seen_in_space_does_not_stand():
    assert standing(replace(found(), landmarks_metric=None)) < 0.1


def test_guesses_of_hidden_legs_count_only_where_nobody_stands():
    targets = targets_of([found(), found(slice(25, 33)), found(slice(25, 33), **SEAT)])
    assert targets.legs_hidden.tolist() == [False, True, True]
    assert (targets.weight[0, LEGS] == 1).all() and (targets.weight[1, LEGS] == 0).all()
    assert (targets.weight[2, LEGS] > 0).all()


def test_a_camera_is_as_near_as_its_focal_length_says_and_far_where_nobody_stands():
    said, unsaid = found(), found()
    said = replace(said, frame=replace(said.frame, focal=1000.0))
    unsaid = replace(unsaid, frame=replace(unsaid.frame, focal=None))
    moving = replace(said, frame=replace(said.frame, time=0.0))
    plane = targets_of([said, unsaid, moving, found(**SEAT), found(slice(25, 33))]).plane
    np.testing.assert_allclose(plane.focal, [1000, FOCAL * SIZE[1], np.inf, np.inf, np.inf])
    metre = torch.as_tensor(np.log([500, 10, 200, 200, 200] / plane.size))
    np.testing.assert_allclose(plane.distance(metre), [NEAREST_M, FOCAL * SIZE[1] / 10, np.inf, np.inf, np.inf])
