"""The skeleton inside a GLB: joints, skin weights, animation.

A joint's node stands at its bone's head with the axes of the world, as `Rig.transforms` means turns; so the inverse
bind matrix is a plain shift (glTF 2.0, 3.7.3.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.rig import Rig
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.gltf import Builder
from maquette.outputs.meshes.motion import Motion, matrices

SET = 4  # influences per attribute set of glTF
MOST_ERROR_M = 1e-3  # error of four influences above which a second set of four is written
CHECKED = 12  # poses on which that error is measured
STILL_TURN, STILL_STEP_M, STILL_WEIGHT = 1e-4, 1e-5, 1e-3  # radians, metres: what moves less gets no channel


@dataclass(frozen=True, eq=False)
class Influences:
    """Which joints move each vertex.

    Attributes:
        joints: (V, 4 or 8) int; weights: (V, 4 or 8) float32 that sum to 1, strongest first; unused: joint 0, weight 0.
        error_m: largest distance from where the whole rig puts a vertex in the poses of this result.
    """

    joints: NDArray
    weights: NDArray
    error_m: float

    def attributes(self, builder: Builder, vertices: NDArray) -> dict[str, int]:
        """JOINTS_n and WEIGHTS_n of some (n,) vertices."""
        kind = np.uint8 if self.joints.max() < 256 else np.uint16
        found = {}
        for part in range(self.joints.shape[1] // SET):
            columns = slice(part * SET, (part + 1) * SET)
            found[f"JOINTS_{part}"] = builder.dense(self.joints[vertices, columns].astype(kind))
            found[f"WEIGHTS_{part}"] = builder.dense(self.weights[vertices, columns])
        return found


def strongest(rig: Rig, count: int) -> tuple[NDArray, NDArray]:
    """(V, count) joints and weights: the `count` heaviest of each vertex, brought back to the sum of 1."""
    from scipy.sparse import coo_matrix

    total, most = rig.bone_index.shape
    rows = np.repeat(np.arange(total), most)
    shape = (total, len(rig.bones))
    whole = coo_matrix((rig.bone_weight.ravel(), (rows, rig.bone_index.ravel())), shape).toarray()  # sums doubles up
    count = min(count, whole.shape[1])
    joints = np.argsort(-whole, axis=1, kind="stable")[:, :count]
    weights = np.take_along_axis(whole, joints, axis=1).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    missing = -count % SET
    joints = np.pad(np.where(weights > 0, joints, 0), ((0, 0), (0, missing)))
    return joints, np.pad(weights, ((0, 0), (0, missing))).astype(np.float32)


def skinned(vertices: NDArray, joints: NDArray, weights: NDArray, moves: NDArray) -> NDArray:
    """(V, 3) linear blend skinning of (V, 3) vertices by (B, 3, 4) transforms."""
    blend = np.einsum("vw,vwab->vab", weights, moves[joints])
    return np.einsum("vab,vb->va", blend[..., :3], vertices) + blend[..., 3]


def influences(asset: Asset, rig: Rig) -> Influences:
    """Four influences a vertex of a body with that rig, or eight where four are not true enough."""
    motion = asset.motion
    chosen = np.unique(np.linspace(0, len(motion) - 1, CHECKED).round().astype(int))
    moves = [rig.transforms(asset.joints.astype(float), matrices(motion.rotations[frame])) for frame in chosen]
    whole = [skinned(asset.neutral, rig.bone_index, rig.bone_weight, move) for move in moves]
    for count in (SET, 2 * SET):
        joints, weights = strongest(rig, count)
        fewer = [skinned(asset.neutral, joints, weights, move) for move in moves]
        error = max(float(np.linalg.norm(a - b, axis=1).max()) for a, b in zip(whole, fewer))
        if error <= MOST_ERROR_M:
            break
    return Influences(joints, weights, error)


def joint_nodes(rig: Rig, joints: NDArray, motion: Motion, first: int) -> list[dict]:
    """One node per bone, posed as in the first frame.

    Args:
        joints: (B, 3) metres, rest pose.
        first: index that the first of them will have among the file's nodes.
    """
    nodes = []
    for bone, (name, parent) in enumerate(zip(rig.bones, rig.parents)):
        away = joints[bone] + motion.translation[0] if parent < 0 else joints[bone] - joints[parent]
        children = (np.flatnonzero(rig.parents == bone) + first).tolist()
        node = {"name": name, "translation": away.tolist(), "rotation": xyzw(motion.rotations[0, bone]).tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def xyzw(quaternions: NDArray) -> NDArray:
    """Quaternions wxyz in the order of glTF."""
    return quaternions[..., [1, 2, 3, 0]]


def skin(builder: Builder, rig: Rig, joints: NDArray, first: int) -> dict:
    """The glTF skin whose joints are the nodes from `first` on."""
    binds = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    binds[:, 3, :3] = -joints  # transposed: glTF stores columns
    root = int(np.flatnonzero(rig.parents < 0)[0])
    return {
        "name": "skeleton",
        "joints": list(range(first, first + len(joints))),
        "skeleton": first + root,
        "inverseBindMatrices": builder.dense(binds.reshape(-1, 16), None),
    }


def animation(builder: Builder, rig: Rig, joints: NDArray, motion: Motion, nodes: tuple[int, int]) -> dict | None:
    """The clip as glTF animation; bones that keep still have no channel. None where nothing moves.

    Args:
        nodes: index of the node with the mesh, and of the first bone's node.
    """
    mesh_node, first = nodes
    samplers: list[dict] = []
    channels: list[dict] = []
    moving: list[tuple[int, str, NDArray]] = []
    cosine = np.abs(np.sum(motion.rotations * motion.rotations[:1], axis=-1)).min(axis=0)
    turning = 2 * np.arccos(np.clip(cosine, 0, 1)) > STILL_TURN
    moving += [(first + bone, "rotation", xyzw(motion.rotations[:, bone])) for bone in np.flatnonzero(turning).tolist()]
    if np.ptp(motion.translation, axis=0).max() > STILL_STEP_M:
        root = int(np.flatnonzero(rig.parents < 0)[0])
        moving.append((first + root, "translation", joints[root] + motion.translation))
    if motion.expression.size and np.ptp(motion.expression, axis=0).max() > STILL_WEIGHT:
        moving.append((mesh_node, "weights", motion.expression.ravel()))
    if not moving:
        return None
    times = builder.dense((motion.times - motion.times[0]).astype(np.float32), None)
    for node, path, values in moving:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        output = builder.dense(values.astype(np.float32), None)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    return {"name": "clip", "channels": channels, "samplers": samplers}
