"""What is written of a sample: a named array for each label, as small as its precision allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import FaceSample
from maquette.synthesis.scenes.person_sample import PersonSample
from maquette.synthesis.types import Identity

FACTS = ("monk", "yaw", "exposure", "age", "gender")  # the numbers that facts.csv lists


def face_labels(sample: FaceSample) -> dict[str, NDArray]:
    """The columns of one sample; shapes, units and frames as its attributes say.

    Float16 holds what needs no more: unit normals, metres of displacement to 0.1 micrometres, weights in 0-1.
    """
    identity = sample.person.identity
    points = {f"landmarks_{s}": p.astype(np.float32) for s, p in sample.landmarks.items()}
    visible = {f"visible_{s}": v for s, v in sample.visible.items()}
    return {
        **_camera(sample.camera),
        **points,
        **visible,
        "kind": sample.kind,
        "depth": sample.depth,
        "normals": sample.normals.astype(np.float16),
        "uv": sample.uv,
        "coefficients": identity.coefficients,
        "scale": np.asarray(identity.scale, np.float32),
        "expression": sample.expression.astype(np.float16),
        "pose": sample.pose.astype(np.float32),
        "displacement": sample.person.skin.displacement.astype(np.float16),
        **_facts(identity, sample.person.skin.monk, sample.pose, sample.sensor),
    }


def person_labels(sample: PersonSample) -> dict[str, NDArray]:
    """The columns of one sample; shapes, units and frames as its attributes say."""
    world = {f"keypoints_world_{s}": p for s, p in sample.scene.keypoints.items()}
    pixels = {f"keypoints_{s}": p.astype(np.float32) for s, p in sample.keypoints.items()}
    return {
        **_camera(sample.camera),
        **world,
        **pixels,
        "mask": sample.kind > 0,
        "kind": sample.kind,
        "depth": sample.depth,
        "normals": sample.normals.astype(np.float16),
        "back_depth": sample.back_depth,
        "back_normals": sample.back_normals.astype(np.float16),
        "points": sample.points,
        "inside": sample.inside,
        "pose": sample.pose.astype(np.float32),
        **_facts(sample.scene.identity, None, sample.pose, sample.sensor),
    }


def _camera(camera: Camera) -> dict[str, NDArray]:
    return {
        "intrinsics": camera.intrinsics,
        "world_to_camera": camera.world_to_camera,
        "projection": np.array(camera.projection),
    }


def _facts(identity: Identity, monk: int | None, pose: NDArray, sensor: Sensor) -> dict[str, NDArray]:
    facts = {
        "yaw": np.degrees(pose[0]),
        "exposure": sensor.exposure,
        "age": identity.age,
        "gender": identity.gender,
        "ancestry": identity.ancestry,
    }
    stored = {name: np.asarray(value, np.float32) for name, value in facts.items()}
    return stored if monk is None else stored | {"monk": np.asarray(monk, np.uint8)}
