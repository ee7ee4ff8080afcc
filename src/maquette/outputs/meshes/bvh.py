"""person.bvh and head.bvh: the skeleton and its motion, as animation programs read it.

Lengths are centimetres, which these programs expect and which the format has no place to say.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.rig import Rig
from maquette.outputs.animation.head_motion import bones_in_motion, head_motion
from maquette.outputs.animation.head_motion import joints as head_joints
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.motion import Motion, evenly

CM = 100.0
CHANNELS = "Zrotation Xrotation Yrotation"
STILL = 1e-9  # 1 - cosine of half a turn up to which a bone keeps its rest pose
LEFT_OUT = -2  # in place of a parent
HEAD_BONES = ("head", "eyeLeft", "eyeRight")
EYE_RADIUS_M = 0.012
SHORTEST_CM = 0.5  # a bone without flesh still needs an end that can be seen


def end_sites(rig: Rig, joints: NDArray, vertices: NDArray) -> dict[int, NDArray]:
    """Bones without children -> (3,) metres from their head to their end: twice as far as the middle of their flesh.

    Args:
        joints, vertices: (B, 3) and (V, 3) metres, rest pose.
    """
    sites = {}
    for bone in sorted(set(range(len(joints))) - set(rig.parents.tolist())):
        weight = np.where(rig.bone_index == bone, rig.bone_weight, 0).sum(axis=1)
        away = np.zeros(3)
        if weight.sum() > 0:
            away = 2 * ((weight @ vertices) / weight.sum() - joints[bone])
        if np.linalg.norm(away) * CM < SHORTEST_CM:
            away = np.array([0.0, SHORTEST_CM / CM, 0.0])
        sites[bone] = away
    return sites


def linked(rig: Rig, joints: NDArray, motion: Motion) -> NDArray:
    """(B,) parent of each bone in the file: -1 for the root, LEFT_OUT for bones that say nothing.

    Those begin where their parent begins, never turn and only carry on, as the halves of the pelvis do; programs that
    draw a bone from its parent would show them, and the root with them, without a length. Their children move up.

    Args:
        joints: (B, 3) metres, rest pose.
    """
    still = (1 - np.abs(motion.rotations[..., 0])).max(axis=0) < STILL
    parents = rig.parents.astype(int).copy()
    for bone in np.flatnonzero(still & (rig.parents >= 0)).tolist():
        children, parent = parents == bone, parents[bone]
        if children.any() and np.linalg.norm(joints[bone] - joints[parent]) * CM < SHORTEST_CM / 100:
            parents[children] = parent
            parents[bone] = LEFT_OUT
    return parents


def order_of(parents: NDArray) -> list[int]:
    """The bones from the root outwards, each branch to its end before the next: the order of a BVH's columns."""
    children: dict[int, list[int]] = {}
    for bone, parent in enumerate(parents.tolist()):
        children.setdefault(parent, []).append(bone)
    order, waiting = [], [children[-1][0]]
    while waiting:
        order.append(waiting.pop())
        waiting += children.get(order[-1], [])[::-1]
    return order


def hierarchy(bones: Sequence[str], parents: NDArray, joints: NDArray, sites: dict[int, NDArray]) -> str:
    """The HIERARCHY part, offsets in centimetres, of the bones that are not left out: see `linked`."""

    def place(values: NDArray) -> str:
        return "OFFSET " + " ".join(f"{CM * value:.5f}" for value in values)

    lines, open_depth = ["HIERARCHY"], 0
    depths: dict[int, int] = {}
    for bone in order_of(parents):
        parent = int(parents[bone])
        depth = depths[bone] = 0 if parent < 0 else depths[parent] + 1
        lines += ["\t" * level + "}" for level in range(open_depth - 1, depth - 1, -1)]
        indent, inner = "\t" * depth, "\t" * (depth + 1)
        offset = np.zeros(3) if parent < 0 else joints[bone] - joints[parent]
        kind, free = ("ROOT", "6 Xposition Yposition Zposition") if parent < 0 else ("JOINT", "3")
        lines += [f"{indent}{kind} {bones[bone]}", f"{indent}{{", f"{inner}{place(offset)}"]
        lines.append(f"{inner}CHANNELS {free} {CHANNELS}")
        if bone in sites:
            lines += [f"{inner}End Site", f"{inner}{{", f"{inner}\t{place(sites[bone])}", f"{inner}}}"]
        open_depth = depth + 1
    lines += ["\t" * level + "}" for level in range(open_depth - 1, -1, -1)]
    return "\n".join(lines) + "\n"


def angles(rotations: NDArray) -> NDArray:
    """(N, B, 3) degrees about Z, X, Y whose product in this order is each turn; continuous over time.

    Args:
        rotations: (N, B, 4) wxyz.
    """
    from scipy.spatial.transform import Rotation

    frames, bones = rotations.shape[:2]
    with warnings.catch_warnings():
        # Where X is a right angle only the sum of the other two counts; scipy sets one to zero and says so.
        warnings.simplefilter("ignore", UserWarning)
        found = Rotation.from_quat(rotations.reshape(-1, 4)[:, [1, 2, 3, 0]]).as_euler("ZXY", degrees=True)
    return np.unwrap(found.reshape(frames, bones, 3), axis=0, period=360.0)


def frames(parents: NDArray, joints: NDArray, motion: Motion, step: float) -> str:
    """The MOTION part: one line per frame, centimetres and degrees."""
    order = order_of(parents)
    root = CM * (joints[order[0]] + motion.translation)
    turns = angles(motion.rotations)[:, order].reshape(len(motion), -1)
    rows = np.concatenate([root, turns], axis=1)
    form = " ".join(["%.5f"] * rows.shape[1]) + "\n"
    text = "".join(form % tuple(row) for row in rows.tolist())
    return f"MOTION\nFrames: {len(rows)}\nFrame Time: {step:.8f}\n{text}"


def write_bvh(asset: Asset) -> bytes:
    """Biovision hierarchy: offsets in centimetres, root position and turns Z X Y in degrees, y up, facing +z.

    All bones' axes are the world's in the rest pose. The root's offset is zero: programs differ in whether they add it
    to its position. Bones that say nothing are left out: see `linked`. Frames of uneven times get even ones.

    Raises:
        ValueError: no body was fitted.
    """
    if asset.result.motion is not None:
        return _head_bvh(asset)
    rig = None if asset.body is None else asset.body.rig
    if rig is None:
        raise ValueError(f"{asset.result.name}: no skeleton was fitted, so that there is no motion to write")
    joints = asset.joints.astype(float)
    motion, step = evenly(asset.motion)
    sites = end_sites(rig, joints, asset.rest(np.zeros(asset.motion.expression.shape[1])).astype(float))
    parents = linked(rig, joints, motion)
    return (hierarchy(rig.bones, parents, joints, sites) + frames(parents, joints, motion, step)).encode("ascii")


def _head_bvh(asset: Asset) -> bytes:
    """A head with its eyeballs as three bones; an eye's end lies on its pupil."""
    places, motion = head_joints(asset), bones_in_motion(asset)
    step = 1 / 30
    if len(head_motion(asset)) > 1:
        motion, step = evenly(motion)
    forward = np.array([0.0, 0.0, EYE_RADIUS_M * asset.scale])
    parents = np.array([-1, 0, 0])
    text = hierarchy(HEAD_BONES, parents, places, {1: forward, 2: forward})
    return (text + frames(parents, places, motion, step)).encode("ascii")
