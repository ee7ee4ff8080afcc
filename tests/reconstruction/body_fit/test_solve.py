"""People who stand before a camera that looks down come out standing, and others as they are."""

from __future__ import annotations

import numpy as np
import pytest

from known_bodies import FAR, MODEL, SKELETON, STOUT, pose, seen
from maquette.core.options import Options
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit import method

ARMS = {"shoulder_L": (0, 0, -30), "shoulder_R": (0, 0, 30)}


def fitted(distance: float = FAR, **turns):
    observation = seen(pose(**ARMS, **turns), STOUT, np.random.default_rng(0), noise=1.0, distance=distance)
    placement = method.fitted([observation], SKELETON, Options())
    points = MODEL.rig.keypoints_of("mediapipe33", placement.vertices(0)).astype(float)
    off = project(placement.camera(0, observation), points)[0] - observation.landmarks[:, :2]
    assert np.linalg.norm(off, axis=1).mean() < 4, "pixels"
    return placement, points


def bends(points: np.ndarray) -> np.ndarray:
    """(2,) degrees by which the knees of (33, 3) points are bent."""
    thigh, shin = points[25:27] - points[23:25], points[27:29] - points[25:27]
    cosine = (thigh * shin).sum(axis=1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shin, axis=1)
    return np.degrees(np.arccos(cosine))


@pytest.mark.parametrize("down", [16, -12])
def test_who_stands_before_a_tilted_camera_stands_upright_in_the_world(down):
    placement, points = fitted(root=(down, 0, 0))
    shoulders, hips, ankles = (points[k : k + 2].mean(axis=0) for k in (11, 23, 27))
    assert np.degrees(placement.pitch[0]) == pytest.approx(down, abs=6)
    assert abs(hips - ankles)[2] < 0.08 and abs(shoulders - hips)[2] < 0.08, "metres in depth"
    assert bends(points).max() < 12
    heels, toes = points[29:31, 1], points[31:33, 1]
    rest = MODEL.rig.keypoints_of("mediapipe33", MODEL.mean)
    assert np.abs((toes - heels) - (rest[31:33, 1] - rest[29:31, 1])).max() < 0.05, "the soles are level"


def test_who_stands_near_is_seen_in_perspective():
    placement, points = fitted(distance=2.5, root=(10, 0, 0))
    assert placement.distance[0] == pytest.approx(2.5, rel=0.08)
    assert np.degrees(placement.pitch[0]) == pytest.approx(10, abs=6)
    assert abs(points[23:25].mean(axis=0) - points[27:29].mean(axis=0))[2] < 0.08 and bends(points).max() < 12


def test_who_sits_keeps_bent_knees_and_a_level_camera():
    placement, points = fitted(
        root=(0, 40, 0), hip_L=(-75, 0, 5), hip_R=(-75, 0, -5), knee_L=(75, 0, 0), knee_R=(75, 0, 0)
    )
    assert bends(points).min() > 55
    assert abs(np.degrees(placement.pitch[0])) < 3 and np.isinf(placement.distance[0])
