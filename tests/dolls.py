"""Dressed dolls as examples of `datasets.person_examples`: the shipped body in simple clothes, made in a moment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.spatial.transform import Rotation

from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.geometry.mesh import face_areas, vertex_normals
from maquette.geometry.rendering.sides import sides
from maquette.geometry.surfaces.distance import surface_distance, winding_ahead
from maquette.reconstruction.body_fit.place import PlacedBody, silhouette
from maquette.reconstruction.body_fit.skeleton import load_skeleton

FARTHEST = 0.15
LOOSE = 0.025  # NDC: how far the clothes stand off


@lru_cache(maxsize=8)
def body(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) NDC and (F, 3): the skin, arms and heading at random, height 1.5, the pelvis at the origin."""
    rng, model = np.random.default_rng(seed), load_skeleton().model
    names = list(model.rig.bones)
    turns = np.tile(np.eye(3), (len(names), 1, 1))
    for side, sign in (("L", 1), ("R", -1)):
        turns[names.index(f"upperarm01.{side}")] = Rotation.from_rotvec([0, 0, -sign * rng.uniform(0, 0.8)]).as_matrix()
    turns[0] = Rotation.from_rotvec([0, rng.uniform(-1, 1), 0]).as_matrix()
    identity = np.zeros(len(model.identity_basis))
    vertices, joints = model.rig.pose(
        model.vertices(identity, np.zeros(len(model.expression_names))), model.rig.joints(identity), turns, np.zeros(3)
    )
    pelvis = joints[[names.index(f"upperleg01.{side}") for side in "LR"]].mean(axis=0)
    faces = model.faces[model.parts["skin"]]
    kept, faces = np.unique(faces, return_inverse=True)
    placed = (vertices[kept] - pelvis) * 1.5 / np.ptp(vertices[:, 1])
    return placed.astype(float), faces.reshape(-1, 3).astype(np.int32)


def dressed(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3): clothes below the neck, that is, the skin moved outwards."""
    cloth = np.clip((0.4 - vertices[:, 1]) / 0.1, 0, 1)[:, None]
    return vertices + LOOSE * cloth * vertex_normals(vertices, faces)


def example(seed: int, size: int = 64, points: int = 2000) -> dict[str, np.ndarray]:
    """The columns of `draw_example` that learning needs."""
    rng = np.random.default_rng([7, seed])
    naked, faces = body(seed)
    clothed = dressed(naked, faces)
    area = face_areas(clothed, faces)
    chosen = clothed[faces][rng.choice(len(faces), points, p=area / area.sum())].mean(axis=1)
    chosen = chosen + rng.choice([0.05, 0.015], (points, 1)) * rng.normal(size=(points, 3))
    chosen[::17] = rng.uniform(-1, 1, (len(chosen[::17]), 3))
    chosen = np.clip(chosen, -1, 1).astype(np.float16).astype(float)
    distance = surface_distance(naked, faces, chosen, FARTHEST)
    distance = np.where(winding_ahead(naked, faces, chosen) > 0, -distance, distance)
    seen = sides(clothed, faces, size)
    mask = np.where(seen["normals_front"].any(axis=2), 255, 0).astype(np.uint8)
    light = 0.35 + 0.6 * np.clip(seen["normals_front"].astype(float) @ [0.2, 0.5, 0.8] / 127, 0, 1)
    colour = rng.uniform(100, 250, 3)
    image = np.where(mask[..., None] > 0, light[..., None] * colour, rng.uniform(0, 255, 3))
    return {
        "image": image.astype(np.uint8),
        "mask": mask,
        "mask_seen": mask,
        **seen,
        **{f"body_{name}": value for name, value in sides(naked, faces, size).items()},
        "points": chosen.astype(np.float16),
        "inside": (winding_ahead(clothed, faces, chosen) > 0).astype(np.uint8),
        "distance": distance.astype(np.float16),
    }


def write(folder: Path, count: int, size: int = 64, points: int = 2000) -> Path:
    """Shards of dolls as FOLDER/train and FOLDER/test, which here are the same persons."""
    rows = [example(seed, size, points) for seed in range(count)]
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        save_file(columns, folder / split / "persons-00000.safetensors")
    return folder


@lru_cache(maxsize=2)
def seen(size: tuple[int, int] = (220, 400), scale: float = 200.0) -> tuple[PlacedBody, Observation]:
    """A standing body with its placement, and what a picture of it shows: flat colour, its own outline."""
    model = load_skeleton().model
    joints = model.rig.joints(np.zeros(len(model.identity_basis))).astype(float)
    root = joints[0] - [0, float(model.mean[:, 1].min()), 0]
    placement = PlacedBody(
        skeleton=load_skeleton(),
        identity=np.zeros(len(model.identity_basis)),
        scale=1.0,
        rotations=np.tile(np.eye(3), (1, len(joints), 1, 1)),
        translation=(root - joints[0])[None],
        root=root[None],
        view=np.tile(np.eye(3), (1, 1, 1)),
        pitch=np.zeros(1),
        distance=np.full(1, np.inf),
        pixels_per_metre=np.array([scale]),
        spot=np.array([[size[0] / 2, 0.45 * size[1]]]),
    )
    blank = observation(np.zeros((size[1], size[0]), np.float32), np.zeros((33, 2)))
    camera = placement.camera(0, blank)
    vertices = placement.vertices(0)
    mask = silhouette(vertices, model.faces, camera)
    points = project(camera, model.rig.keypoints_of("mediapipe33", vertices).astype(float))[0]
    return placement, observation(mask.astype(np.float32), points)


def observation(mask: np.ndarray, points: np.ndarray, time: float | None = None) -> Observation:
    """A person of one colour before another, with key points (33, 2)."""
    height, width = mask.shape
    return Observation(
        frame=Frame(np.where(mask[..., None] > 0.5, [200, 120, 80], [60, 90, 130]).astype(np.uint8), time, "drawn"),
        box=np.array([0.0, 0, width, height]),
        subject=Subject.PERSON,
        landmarks=np.column_stack([points, np.zeros(33)]),
        landmark_scheme="mediapipe33",
        landmark_confidence=np.ones(33),
        mask=mask,
        landmarks_metric=np.zeros((33, 3)),
        full_size=(width, height),
    )
