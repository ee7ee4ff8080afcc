"""Finished results without a photo: the shipped head in front of a known camera, and a free-form mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from maquette import morphable
from maquette.core.motion import HeadMotion
from maquette.core.result import Result
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Subject, Volume
from maquette.geometry.camera import project
from maquette.outputs.pictures.film import Film

CROP = (240, 300)  # width, height
BOX = np.array([100.0, 50.0, 580.0, 650.0])  # the crop was made at half the photo's resolution
YAW = 0.3


def make_camera(distance: float = 0.8) -> Camera:
    """A camera in front of the face, the head turned by YAW."""
    cosine, sine = np.cos(YAW), np.sin(YAW)
    world_to_camera = np.eye(4)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    world_to_camera[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn
    world_to_camera[:3, 3] = [0.0, 0.0, distance]
    return Camera(np.array([[600.0, 0, 120], [0, 600.0, 150], [0, 0, 1]]), world_to_camera, CROP)


def make_observation(landmarks: np.ndarray) -> Observation:
    """What would have been seen: landmarks (N, 2) or (N, 3) in crop pixels."""
    width, height = CROP
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, 255 - x], axis=2).astype(np.uint8)
    depth = np.zeros((len(landmarks), 3 - landmarks.shape[1]))
    return Observation(
        frame=Frame(pixels, origin="someone.jpg"),
        box=BOX,
        subject=Subject.FACE,
        landmarks=np.concatenate([landmarks, depth], axis=1),
        landmark_scheme="mediapipe478",
        landmark_confidence=np.full(len(landmarks), 0.9),
        mask=np.ones((height, width), np.float32),
        full_size=(1000, 800),
    )


def make_result(photos: int = 1, texture_side: int = 256, **weights: float) -> Result:
    """The shipped head with a random identity and the given expression weights (jawOpen=0.4)."""
    model = morphable.load("maquette-head")
    random = np.random.default_rng(3)
    identity = random.normal(size=len(model.identity_basis)) * 0.6
    expression = np.zeros((photos, len(model.expression_names)))
    for name, weight in weights.items():
        expression[0, model.expression_names.index(name)] = weight
    vertices, camera = model.vertices(identity, expression[0], 1.05), make_camera()
    points = model.embeddings["mediapipe478"].points(vertices.astype(float), model.faces)
    observation = make_observation(project(camera, points)[0])
    ramp = np.linspace(40, 230, texture_side)
    texture = np.stack(
        [
            np.tile(ramp, (texture_side, 1)),
            np.tile(ramp[:, None], texture_side),
            0 * ramp + np.ones((texture_side, 1)) * 90,
        ],
        axis=2,
    ).astype(np.uint8)
    confidence = np.zeros((texture_side, texture_side), np.uint8)
    confidence[:, texture_side // 2 :] = 255
    mesh = Mesh(vertices, model.faces, model.uvs, model.uv_faces, texture, confidence)
    facts = {
        "method": "parametric",
        "scale_source": "iris",
        "scale_error": 0.04,
        "landmark_error_px": [1.0] * photos,
        "landmark_error_mm": [np.float64(1.5)] * photos,
        "average_distance_mm": 2.6,
        "pose": [{"yaw": YAW, "pitch": 0.0, "roll": 0.0}] * photos,
    }
    reconstruction = Reconstruction(
        mesh, (camera,) * photos, model=model.name, identity=identity, expression=expression, scale=1.05, metric=True,
        provenance=facts,
    )  # fmt: skip
    run = {"photos": ["someone.jpg"] * photos, "seed": 0, "seconds": {"reading": 0.1}, "warnings": ["a remark"]}
    return Result("face-1", "someone", reconstruction, (observation,) * photos, run)


@pytest.fixture(scope="session")
def head_result() -> Result:
    """The shipped head, smiling with an open mouth."""
    return make_result(jawOpen=0.4, mouthSmileLeft=0.5, mouthSmileRight=0.5, eyeLookInLeft=0.3)


@pytest.fixture(scope="session")
def shut_result() -> Result:
    """The shipped head, neutral."""
    return make_result()


def make_motion(frames: int = 6) -> HeadMotion:
    """A head that turns to its left, looks up and blinks in its third frame, at uneven times."""
    model = morphable.load("maquette-head")
    expression = np.zeros((frames, len(model.expression_names)))
    expression[:, model.expression_names.index("jawOpen")] = np.linspace(0, 0.5, frames)
    expression[2, [model.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]] = 1
    half = np.linspace(0, 0.2, frames)
    return HeadMotion(
        times=np.cumsum(np.linspace(0.03, 0.05, frames)),
        frames=np.arange(frames) + 3,
        rotations=np.stack([np.cos(half), 0 * half, np.sin(half), 0 * half], axis=1),
        translation=np.column_stack([half / 10, 0 * half, half - 0.7]),
        expression=expression,
        gaze=np.tile([0.1, 0.2], (frames, 2, 1)),
        focal=900.0,
        size=(640, 480),
        opening=np.full((frames, 2), 0.35),
        trust=np.ones(frames),
        reprojection=np.full(frames, 0.5),
    )


@pytest.fixture(scope="session")
def moving_result(shut_result, tmp_path_factory) -> Result:
    """The shipped head in a clip, with a film of six grey frames."""
    motion, path = make_motion(), tmp_path_factory.mktemp("film") / "film.mp4"
    with Film(path, (96, 32)) as film:
        for number, time in enumerate(motion.times):
            film.add(np.full((32, 96, 3), 40 * number, np.uint8), float(time))
    return replace(shut_result, motion=motion, film=path)


@pytest.fixture(scope="session")
def ball_result() -> Result:
    """A closed ball of 10 cm radius without model, texture or landmarks of a model."""
    ball = trimesh.creation.icosphere(3, 0.1)
    mesh = Mesh(ball.vertices.astype(np.float32), ball.faces.astype(np.int32))
    reconstruction = Reconstruction(mesh, (make_camera(),), provenance={"method": "other"})
    seen = make_observation(np.random.default_rng(0).uniform(60, 180, (478, 2)))
    return Result("face-1", "ball", reconstruction, (seen,), {})


VOXEL_M, FACE_M, CRUMB_M = 0.004, np.array([0.07, 0.1, 0.06]), 0.015


def make_volume() -> Volume:
    """A face of sorts, the front half of an ellipsoid, and a crumb beside it: 44 x 56 x 22 voxels, canonical frame."""
    matrix = np.diag([VOXEL_M, VOXEL_M, VOXEL_M, 1.0])
    matrix[:3, 3] = [-0.0865, -0.1105, -0.0125]
    at = np.stack(np.meshgrid(*(np.arange(float(n)) for n in (44, 56, 22)), indexing="ij"), axis=-1) * VOXEL_M
    at += matrix[:3, 3]
    face = FACE_M.min() * (1 - np.linalg.norm(at / FACE_M, axis=-1))
    crumb = CRUMB_M - np.linalg.norm(at - [0.065, 0.09, 0.05], axis=-1)
    logits = np.maximum(np.minimum(face, at[..., 2]), crumb) / 0.002
    return Volume((1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32), matrix)


@pytest.fixture(scope="session")
def volume_result(shut_result) -> Result:
    """The shipped head together with a volume."""
    seen = replace(shut_result.reconstruction, volume=make_volume())
    return replace(shut_result, reconstruction=seen)
