"""A photo is brought onto the model's face."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.core.types import Camera, Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.texturing.person.align import FACE, SCHEME, face_shift

SIDE = 400


@pytest.fixture(scope="module")
def keypoints() -> np.ndarray:
    body = morphable.load("maquette-body")
    return body.rig.keypoints_of(SCHEME, body.mean.astype(float))


@pytest.fixture(scope="module")
def camera() -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1, -1])
    pose[:3, 3] = [0, 0.85, 5]
    return Camera(np.array([[200.0, 0, 200], [0, 200, 200], [0, 0, 1]]), pose, (SIDE, SIDE), "orthographic")


def seen(camera: Camera, keypoints: np.ndarray, move: np.ndarray, sure: float = 1.0) -> Observation:
    """A photo whose landmarks are those of the model, moved by (33, 2) pixels."""
    points = np.column_stack([project(camera, keypoints)[0] + move, np.zeros(33)])
    nothing = np.zeros((SIDE, SIDE, 3), np.uint8)
    box = np.array([0.0, 0, SIDE, SIDE])
    mask = np.ones((SIDE, SIDE), np.float32)
    return Observation(Frame(nothing), box, Subject.PERSON, points, SCHEME, np.full(33, sure), mask)


def test_eyes_and_mouth_land_where_the_photo_has_them(camera, keypoints):
    rng = np.random.default_rng(0)
    move = np.array([2.0, -3]) + rng.uniform(-1, 1, (33, 2))
    at = project(camera, keypoints)[0]
    shift = face_shift(seen(camera, keypoints, move), camera, keypoints, at)
    rows = list(FACE)
    assert np.abs(shift[rows] - move[rows]).max() < 0.5 * np.abs(move[rows]).max()
    assert np.linalg.norm((shift - move)[rows], axis=1).mean() < 0.2 * np.linalg.norm(move[rows], axis=1).mean()
    assert np.abs(shift[[15, 16, 25, 26, 31, 32]]).max() < 1e-3  # hands, knees, feet stay


def test_what_lies_right_is_not_moved(camera, keypoints):
    at = project(camera, keypoints)[0]
    assert np.abs(face_shift(seen(camera, keypoints, np.zeros((33, 2))), camera, keypoints, at)).max() < 1e-9


@pytest.mark.parametrize(("far", "sure"), [(80.0, 1.0), (3.0, 0.2)])
def test_a_face_far_off_or_unseen_moves_nothing(camera, keypoints, far, sure):
    at = project(camera, keypoints)[0]
    assert not face_shift(seen(camera, keypoints, np.full((33, 2), far), sure), camera, keypoints, at).any()
