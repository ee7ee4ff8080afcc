"""A rigged body whose rest is an A brought into a T: arms level to the sides, as VRM wants it.

Linear blend skinning: v' = sum of w_b (R_b (v - j_b) + j'_b) over the bones b with rest joints j_b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.morphable.rig import Rig
from maquette.outputs.meshes.gltf_file import GltfFile

ARM = ("upperarm01", "lowerarm01", "wrist")  # joints on a straight line in a T


@dataclass(frozen=True, eq=False)
class TPose:
    """How each bone moves from rest into the T.

    Attributes:
        turns: (B, 3, 3) of each bone, axes of the world.
        joints: (B, 3) metres before.
        moved: (B, 3) metres after.
    """

    turns: NDArray
    joints: NDArray
    moved: NDArray

    def points(self, points: NDArray, bones: NDArray, weights: NDArray) -> NDArray:
        """(N, 3) points after, by (N, 4) bones with (N, 4) weights."""
        away = points[:, None] - self.joints[bones]
        turned = np.einsum("nkij,nkj->nki", self.turns[bones], away) + self.moved[bones]
        return np.einsum("nk,nki->ni", weights, turned)

    def directions(self, normals: NDArray, bones: NDArray, weights: NDArray) -> NDArray:
        """(N, 3) unit normals after."""
        turned = np.einsum("nk,nkij,nj->ni", weights, self.turns[bones], normals)
        return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)


def t_pose(rig: Rig, joints: NDArray) -> TPose:
    """The way into a T of a body with these (B, 3) joints at rest; of a rig without arms, no way at all."""
    joints = np.asarray(joints, float)
    turns = np.tile(np.eye(3), (len(joints), 1, 1))
    for side, level in ((".L", (1.0, 0.0, 0.0)), (".R", (-1.0, 0.0, 0.0))):
        names = [f"{name}{side}" for name in ARM]
        if not set(names) <= set(rig.bones):
            continue
        upper, lower, hand = (rig.bones.index(name) for name in names)
        for bone, end in ((upper, lower), (lower, hand)):
            way = turns[bone] @ (joints[end] - joints[bone])
            turn = _shortest(way, np.array(level))
            turns[_below(rig, bone)] = turn @ turns[bone]
    moved = joints.copy()
    for bone, parent in enumerate(rig.parents):
        if parent >= 0:
            moved[bone] = moved[parent] + turns[parent] @ (joints[bone] - joints[parent])
    return TPose(turns, joints, moved)


def _below(rig: Rig, bone: int) -> list[int]:
    """A bone and all that hang on it; parents come before their children in a rig."""
    found = [bone]
    for other, parent in enumerate(rig.parents):
        if parent in found:
            found.append(other)
    return found


def _shortest(start: NDArray, end: NDArray) -> NDArray:
    """(3, 3) the smallest turn that brings one direction onto another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, start @ end)).as_matrix()


def bring_into_t(file: GltfFile, pose: TPose) -> bytes:
    """The file's binary buffer with every skinned vertex in the T; bounds of accessors in its document are renewed.

    Morph targets stay as they are: they move the face, which does not turn.
    """
    blob = bytearray(file.blob)
    for mesh in (file.document["meshes"][node["mesh"]] for node in file.nodes if "skin" in node):
        for attributes in (primitive["attributes"] for primitive in mesh["primitives"]):
            bones = file.values(attributes["JOINTS_0"]).astype(int)
            weights = file.values(attributes["WEIGHTS_0"]).astype(float)
            places = file.values(attributes["POSITION"]).astype(float)
            _put(file, blob, attributes["POSITION"], pose.points(places, bones, weights))
            _put(file, blob, attributes["NORMAL"], pose.directions(file.values(attributes["NORMAL"]), bones, weights))
            if "TANGENT" in attributes:
                tangents = file.values(attributes["TANGENT"])
                tangents[:, :3] = pose.directions(tangents[:, :3], bones, weights)
                _put(file, blob, attributes["TANGENT"], tangents)
    for skin in file.document["skins"]:
        binds = file.values(skin["inverseBindMatrices"])
        binds[:, 12:15] = -pose.moved
        _put(file, blob, skin["inverseBindMatrices"], binds)
    return bytes(blob)


def _put(file: GltfFile, blob: bytearray, index: int, values: NDArray) -> None:
    """Overwrite a dense accessor of float32."""
    accessor = file.document["accessors"][index]
    data = np.ascontiguousarray(values, np.float32)
    start = file.document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
    blob[start : start + data.nbytes] = data.tobytes()
    accessor |= {"min": data.min(axis=0).tolist(), "max": data.max(axis=0).tolist()}
