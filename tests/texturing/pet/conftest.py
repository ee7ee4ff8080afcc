"""A cat that the camera sees from the front: stripes on grey, and the fitted head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.morphable.pet import PET_MODELS
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.pet_fit.outline import silhouette

SIDE = 320


@pytest.fixture(scope="session")
def cat():
    return load(PET_MODELS["cat"])


@pytest.fixture(scope="session")
def camera(cat) -> Camera:
    depth = 20 * float(np.linalg.norm(cat.eye_centre(cat.mean, "Left") - cat.eye_centre(cat.mean, "Right")))
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3], world_to_camera[2, 3] = np.diag([1.0, -1, -1]), depth
    intrinsics = np.array([[75.0 * 20, 0, SIDE / 2], [0, 75.0 * 20, SIDE / 2], [0, 0, 1]])
    return Camera(intrinsics, world_to_camera, (SIDE, SIDE))


@pytest.fixture(scope="session")
def seen(cat, camera) -> tuple[Reconstruction, Observation]:
    """The mean cat and its photo: upright stripes 8 pixels wide, (150, 110, 80) and (90, 60, 40)."""
    pixels = np.where((np.arange(SIDE) // 8 % 2 == 0)[None, :, None], [150, 110, 80], [90, 60, 40])
    pixels = np.tile(pixels, (SIDE, 1, 1)).astype(np.uint8)
    drawn, _ = project(camera, cat.mean.astype(float))
    mask = silhouette(drawn, cat.faces[cat.parts["skin"]], (SIDE, SIDE)).astype(np.float32)
    marks = project(camera, cat.embeddings[SCHEME].points(cat.mean, cat.faces).astype(float))[0]
    observation = Observation(
        Frame(pixels, origin="cat"), np.array([0.0, 0, SIDE, SIDE]), Subject.PET,
        np.column_stack([marks, np.zeros(20)]), SCHEME, np.ones(20), mask, full_size=(SIDE, SIDE),
        species={"cat": 1.0},
    )  # fmt: skip
    mesh = Mesh(cat.mean, cat.faces, cat.uvs, cat.uv_faces)
    units = np.zeros((1, len(cat.expression_names)))
    made = Reconstruction(mesh, (camera,), model=cat.name, identity=np.zeros(4), expression=units)
    return made, observation


@pytest.fixture(scope="session")
def plain(seen) -> tuple[Reconstruction, Observation]:
    """The same with a photo of one colour."""
    made, observation = seen
    pixels = np.full_like(observation.frame.pixels, (150, 110, 80))
    return made, replace(observation, frame=replace(observation.frame, pixels=pixels))
