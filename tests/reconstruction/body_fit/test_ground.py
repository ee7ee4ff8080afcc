"""People of a clip come nearer as they grow, and their feet rest where they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from drawn import placement
from known_bodies import STANDING, seen
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.ground import FEET, grounded
from maquette.reconstruction.body_fit.place import PlacedBody

COUNT, FOCAL, FAR_M = 60, 1200.0, 5.0
TIMES, SURE = np.arange(COUNT) / 30, np.ones((COUNT, 33))


def feet_of(placed: PlacedBody) -> np.ndarray:
    """(N, 4, 3) metres, world."""
    rig = placed.skeleton.rig
    return np.stack([rig.keypoints_of("mediapipe33", placed.vertices(k))[list(FEET)] for k in range(COUNT)])


@pytest.fixture(scope="module")
def walk() -> tuple[PlacedBody, np.ndarray, np.ndarray]:
    """Somebody who walks towards the camera, as the picture alone places them; the true path, and who rests (N, 4)."""
    rng, still = np.random.default_rng(0), placement(COUNT)
    rig, rotations = still.skeleton.rig, still.rotations.copy()
    phase = 2 * np.pi * TIMES
    for side, lag in (("L", 0.0), ("R", np.pi)):
        swing, lifted = np.cos(phase + lag), np.maximum(-np.sin(phase + lag - np.pi), 0)
        hip, knee = 0.35 * swing - 0.5 * lifted, 0.9 * lifted
        for bone, turn in (("upperleg01", hip), ("lowerleg01", knee), ("foot", -hip - knee)):
            turned = Rotation.from_rotvec(np.outer(turn, [1, 0, 0])).as_matrix()
            rotations[:, rig.bones.index(f"{bone}.{side}")] = turned
    fixed = replace(
        still, rotations=rotations, translation=0 * still.translation, root=np.tile(still.root[0], (COUNT, 1))
    )
    feet = feet_of(fixed)
    left = feet[:, 0::2, 1].mean(axis=1) < feet[:, 1::2, 1].mean(axis=1)
    rests = np.where(left[:, None], [True, False, True, False], [False, True, False, True])
    steps = np.where(left[1:, None], *(np.diff(feet, axis=0)[:, side::2].mean(axis=1) for side in (0, 1)))
    path = np.vstack([np.zeros(3), -np.cumsum(steps, axis=0)])
    pixels = FOCAL / (FAR_M - path[:, 2]) * np.exp(0.01 * rng.normal(size=COUNT))
    shown = path * [1, 1, 0] + 0.004 * rng.normal(size=(COUNT, 3)) * [1, 1, 0]
    shown -= shown[0]
    return replace(fixed, pixels_per_metre=pixels, root=fixed.root + shown, translation=shown), path, rests


def slides(placed: PlacedBody, rests: np.ndarray) -> float:
    """Metres per second of resting feet."""
    speed = np.linalg.norm(np.diff(feet_of(placed), axis=0), axis=2) * 30
    return float(speed[rests[1:] & rests[:-1]].mean())


def test_who_grows_comes_nearer_on_feet_that_rest(walk):
    shown, path, rests = walk
    found = grounded(shown, TIMES, SURE, FOCAL)
    assert path[-1, 2] > 2 and slides(shown, rests) > 1
    assert slides(found, rests) < 0.03, "metres per second"
    np.testing.assert_allclose(found.root[-1] - found.root[0], path[-1], atol=0.15)


def test_the_picture_stays_as_it_was(walk):
    shown, found = walk[0], grounded(walk[0], TIMES, SURE, FOCAL)
    one = seen(STANDING, np.zeros(len(shown.identity)), np.random.default_rng(0), time=0.0)
    for k in (0, 20, COUNT - 1):
        before, after = (project(p.camera(k, one), p.vertices(k).astype(float)) for p in (shown, found))
        np.testing.assert_allclose(after[0], before[0], atol=0.02)
        assert after[1].min() > 0, "before the camera"


def test_feet_that_are_not_seen_move_nobody_and_photos_stay_as_they_are(walk):
    assert grounded(walk[0], np.full(COUNT, np.nan), SURE, FOCAL) is walk[0]
    hidden = grounded(walk[0], TIMES, 0 * SURE, FOCAL)
    np.testing.assert_allclose((hidden.root - walk[0].root)[:, :2], 0, atol=0.05)
