"""A head whose texture is known, photographed by known cameras."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from maquette import morphable
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.morphable import MorphableModel

SIDE = 320


@pytest.fixture(scope="session")
def model() -> MorphableModel:
    return morphable.load("maquette-head")


@pytest.fixture(scope="session")
def known_texture() -> np.ndarray:
    """(512, 512, 3) float: smooth, not symmetric, skin-coloured with darker hair on the scalp."""
    v, u = np.mgrid[0:512, 0:512] / 512
    skin = np.array([200.0, 150.0, 125.0])
    wave = 14 * np.sin(21 * u + 3 * v) + 10 * np.cos(17 * v + 1.3)
    return np.clip(skin + wave[..., None] * [1.0, 0.8, 0.7], 0, 255)


def camera_at(yaw: float) -> Camera:
    """A camera half a metre away, turned around the head by `yaw` radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    eye = np.array([0.6 * s, -0.02, 0.6 * c])
    z = -np.array([s, 0, c])
    x = np.cross([0.0, -1.0, 0.0], z)
    rotation = np.stack([x, np.cross(z, x), z])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ eye
    focal = SIDE * 1.7
    return Camera(np.array([[focal, 0, SIDE / 2], [0, focal, SIDE / 2], [0, 0, 1.0]]), pose, (SIDE, SIDE))


@pytest.fixture(scope="session")
def photograph(model: MorphableModel, known_texture: np.ndarray) -> Callable[..., tuple[Observation, Camera]]:
    """photograph(yaw, gain) -> the head with the known texture in front of green, and the camera that took it."""

    def shoot(yaw: float = 0.0, gain: float = 1.0) -> tuple[Observation, Camera]:
        camera = camera_at(yaw)
        face, weights, _ = render_buffers(camera, model.mean, model.faces)
        place = np.einsum("hwk,hwkd->hwd", weights, model.uvs[model.uv_faces[np.maximum(face, 0)]])
        at = np.stack([place[..., 0] * 512, (1 - place[..., 1]) * 512], axis=2).astype(np.float32) - 0.5
        flat = known_texture.astype(np.float32)
        pixels = cv2.remap(flat, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        pixels = np.clip(pixels * gain, 0, 255)
        pixels[face < 0] = [20, 180, 30]
        embedding = model.embeddings["mediapipe478"]
        landmarks = project(camera, embedding.points(model.mean.astype(float), model.faces))[0]
        landmarks = np.concatenate([landmarks, np.zeros((len(landmarks), 1))], axis=1)
        mask = (face >= 0).astype(np.float32)
        box = np.array([0.0, 0, SIDE, SIDE])
        seen = Observation(
            Frame(pixels.astype(np.uint8)), box, Subject.FACE, landmarks, "mediapipe478", np.ones(len(landmarks)), mask
        )
        return seen, camera

    return shoot


@pytest.fixture(scope="session")
def reconstruct(model: MorphableModel) -> Callable[..., Reconstruction]:
    """reconstruct(cameras) -> the mean head with the cameras given."""

    def build(cameras: list[Camera]) -> Reconstruction:
        shape = Mesh(model.mean, model.faces, model.uvs, model.uv_faces)
        count = len(cameras)
        weights = np.zeros((count, len(model.expression_names)))
        return Reconstruction(
            shape, tuple(cameras), model=model.name, identity=np.zeros(4), expression=weights, metric=True
        )

    return build
