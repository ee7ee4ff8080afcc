"""How a head moves, for files: turns of head and eyeballs, and a track of morph weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import SIDES, HeadMotion
from maquette.outputs.asset import EYES, Asset
from maquette.outputs.meshes.gltf import Builder
from maquette.outputs.meshes.motion import Motion
from maquette.outputs.meshes.skeleton import xyzw

NAME = "clip"
STILL_WEIGHT = 1e-3  # morph weights that never differ by more are one key


def head_motion(asset: Asset) -> HeadMotion:
    """The motion of a result that has one."""
    assert asset.result.motion is not None, "asked of heads that move"
    return asset.result.motion


def curves(asset: Asset) -> NDArray:
    """(N, E) weights of the asset's morph targets over the clip."""
    return np.asarray(asset.held(head_motion(asset).expression))


def steps(motion: HeadMotion) -> NDArray:
    """(N, 3) metres: where the head is beside its usual place."""
    found: NDArray = motion.translation - np.median(motion.translation, axis=0)
    return found


def eye_turns(motion: HeadMotion) -> NDArray:
    """(N, 2, 4) wxyz: the turns of the left and the right eyeball in the head."""
    yaw, pitch = motion.gaze[..., 0] / 2, -motion.gaze[..., 1] / 2
    zero = np.zeros_like(yaw)
    about_y = np.stack([np.cos(yaw), zero, np.sin(yaw), zero], axis=-1)
    about_x = np.stack([np.cos(pitch), np.sin(pitch), zero, zero], axis=-1)
    return product(about_y, about_x)


def product(a: NDArray, b: NDArray) -> NDArray:
    """(..., 4) the turn b, then a, as quaternions wxyz."""
    (w, x, y, z), (s, u, v, t) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    parts = [w * s - x * u - y * v - z * t, w * u + x * s + y * t - z * v]
    parts += [w * v - x * t + y * s + z * u, w * t + x * v - y * u + z * s]
    return np.stack(parts, axis=-1)


def yaw_pitch_roll(motion: HeadMotion) -> NDArray:
    """(N, 3) radians of the head: yaw to the subject's left, pitch up, roll to the subject's left."""
    from scipy.spatial.transform import Rotation

    yaw, pitch, roll = Rotation.from_quat(motion.rotations[:, [1, 2, 3, 0]]).as_euler("YXZ").T
    return np.stack([yaw, -pitch, -roll], axis=1)


def joints(asset: Asset) -> NDArray:
    """(3, 3) metres: where the head and both eyeballs turn."""
    assert asset.model is not None, "asked of heads of a model"
    return np.array([np.zeros(3), *(asset.model.eye_centre(asset.neutral, side) for side in SIDES)], float)


def bones_in_motion(asset: Asset) -> Motion:
    """The motion of the bones head, eyeLeft and eyeRight."""
    motion = head_motion(asset)
    turns = np.concatenate([motion.rotations[:, None], eye_turns(motion)], axis=1)
    return Motion(motion.times, turns, steps(motion), np.zeros((len(motion), 0)))


def clip_animation(builder: Builder, nodes: Sequence[dict], meshes: Sequence[dict], asset: Asset) -> dict:
    """The glTF animation: turns and steps of the head, turns of the eyeballs, weights of all other morph targets.

    The eyeballs' own targets stay at zero: they turn as they should, and not along the lines that targets know.
    """
    motion = head_motion(asset)
    names = [node.get("name") for node in nodes]
    times = builder.dense((motion.times - motion.times[0]).astype(np.float32), None)
    tracks = [(0, "rotation", xyzw(motion.rotations)), (0, "translation", steps(motion))]
    for eye, turns in zip(EYES, np.moveaxis(eye_turns(motion), 1, 0)):
        if eye in names:
            tracks.append((names.index(eye), "rotation", xyzw(turns)))
    weights = builder.dense(curves(asset).astype(np.float32).ravel(), None)
    samplers: list[dict] = []
    channels: list[dict] = []
    for node, path, values in tracks:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        output = builder.dense(np.ascontiguousarray(values, np.float32), None)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    samplers.append({"input": times, "output": weights, "interpolation": "LINEAR"})
    for place, one in enumerate(nodes):
        if "mesh" in one and "weights" in meshes[one["mesh"]] and one.get("name") not in EYES:
            channels.append({"sampler": len(samplers) - 1, "target": {"node": place, "path": "weights"}})
    return {"name": NAME, "channels": channels, "samplers": samplers}


def rested(nodes: Sequence[dict], meshes: Sequence[dict], asset: Asset) -> None:
    """Put head, eyes and weights of a document as they are in the first frame."""
    motion = head_motion(asset)
    first = curves(asset)[0].tolist()
    nodes[0]["rotation"] = xyzw(motion.rotations[0]).tolist()
    nodes[0]["translation"] = steps(motion)[0].tolist()
    for node in nodes:
        if "mesh" not in node or "weights" not in meshes[node["mesh"]]:
            continue
        if node.get("name") in EYES:
            turns = eye_turns(motion)[0, EYES.index(node["name"])]
            node["rotation"] = xyzw(turns).tolist()
            meshes[node["mesh"]]["weights"] = [0.0] * len(first)
        else:
            meshes[node["mesh"]]["weights"] = first
