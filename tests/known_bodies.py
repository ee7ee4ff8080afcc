"""The rigged body in known poses, as perception would find it in a picture."""

from __future__ import annotations

import numpy as np
import torch

from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.place import silhouette
from maquette.reconstruction.body_fit.skeleton import TURNS, load_skeleton

SKELETON = load_skeleton()
MODEL = SKELETON.model
SIZE, SCALE = (220, 400), 200.0  # pixels, and pixels per metre
FAR = 1e4  # metres: all lines of sight are parallel


def pose(**turns) -> np.ndarray:
    """(T, 3) rotation vectors; degrees by name of the turn."""
    out = np.zeros((len(TURNS), 3))
    for name, vector in turns.items():
        out[TURNS.index(name.replace("_", "."))] = np.radians(vector)
    return out


def camera_of(centre, distance):
    from maquette.core.types import Camera

    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([1.0, -1, -1])
    matrix[2, 3] = distance
    focal = SCALE * distance
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]), matrix, SIZE)


def seen(
    turns: np.ndarray, identity: np.ndarray, rng, noise: float = 0.0, time: float | None = None, distance: float = FAR
) -> Observation:
    """What perception would find of a body with this pose, in view axes, the pelvis so many metres ahead."""
    rotations = SKELETON.full_rotations(torch.as_tensor(turns[None]).float())[0]
    joints = MODEL.rig.joints(identity)
    vertices, _ = MODEL.rig.pose(MODEL.vertices(identity, np.zeros(52)), joints, rotations, -joints[0])
    points = MODEL.rig.keypoints_of("mediapipe33", vertices).astype(float)
    centre = np.array([SIZE[0] / 2, 0.45 * SIZE[1]])
    camera = camera_of(centre, distance)
    flat = project(camera, points)[0] + noise * rng.normal(size=(33, 2))
    mask = silhouette(vertices, MODEL.faces, camera)
    hips = points[[23, 24]].mean(axis=0)
    metric = (points - hips) * [1, -1, -1] * rng.uniform(0.93, 1.07) + noise * 0.01 * rng.normal(size=(33, 3))
    return Observation(
        frame=Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), time, "drawn", SCALE * distance),
        box=np.array([0.0, 0, *SIZE]),
        subject=Subject.PERSON,
        landmarks=np.column_stack([flat, -points[:, 2] * SCALE]),
        landmark_scheme="mediapipe33",
        landmark_confidence=np.ones(33),
        mask=mask.astype(np.float32),
        landmarks_metric=metric,
        full_size=SIZE,
    )


STANDING = pose(shoulder_L=(0, 0, -30), shoulder_R=(0, 0, 30), hip_L=(-15, 0, 0), knee_L=(25, 0, 0), root=(0, 20, 0))
STOUT = np.array([0.5, 0.8, -0.6, 0.4, *np.zeros(12)])
