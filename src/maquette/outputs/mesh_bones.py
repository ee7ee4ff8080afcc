"""The bones that a mesh follows: where they begin at rest, how they turn, which of them move what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import Skinning
from maquette.core.types import Part
from maquette.morphable.model import MorphableModel
from maquette.morphable.posing import rig_of, same_half
from maquette.morphable.rig import Rig
from maquette.outputs.animation.influences import INFLUENCES, Influences, anchored, influences
from maquette.outputs.meshes.motion import Motion, matrices

HEAD = "head"


@dataclass(frozen=True, eq=False)
class MeshBones:
    """The bones of a mesh.

    Attributes:
        rig: names, parents, and the weights of the mesh's vertices.
        joints: (B, 3) float32 metres: where they begin at rest. motion: their turns from there.
    """

    rig: Rig
    joints: NDArray
    motion: Motion

    @cached_property
    def influences(self) -> Influences:
        """Of the mesh's vertices."""
        return influences(self.rig)

    def of_part(self, part: Part) -> Influences:
        """How a part of a head follows them: as its anchors do, or the bone of the head."""
        if part.anchors is not None and part.weights is not None:
            return anchored(self.influences, part.anchors, part.weights, len(self.rig.bones))
        joints = np.zeros((len(part.mesh.vertices), INFLUENCES), int)
        joints[:, 0] = self.rig.bones.index(HEAD)
        return Influences(joints, np.eye(1, INFLUENCES, dtype=np.float32).repeat(len(joints), axis=0))

    def rest_normals(self, normals: NDArray, index: int) -> NDArray:
        """(V, 3) unit: those at rest that viewers, which turn them as they do vertices, show as `normals` in a pose."""
        turns = matrices(self.motion.rotations[index])
        moves = self.rig.transforms(self.joints.astype(float), turns)[..., :3]
        follow = self.influences
        blend = np.einsum("vw,vwab->vab", follow.weights.astype(float), moves[follow.joints])
        found = np.linalg.solve(blend, normals[..., None])[..., 0]
        out: NDArray = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return out

    def posed(self, vertices: NDArray, follow: Influences, index: int) -> NDArray:
        """(V, 3) float32 metres, world: vertices (V, 3) at rest, which follow the bones so, in pose `index`."""
        rig = replace(self.rig, bone_index=follow.joints, bone_weight=follow.weights)
        turns = matrices(self.motion.rotations[index])
        return rig.pose(vertices.astype(float), self.joints, turns, self.motion.translation[index])[0]


def bones_of(skinning: Skinning, rig: Rig, motion: Motion) -> MeshBones:
    """Of a mesh that is not the body's own; `motion` is the body's, from its own rest."""
    turns = same_half(skinning.rotations)
    return MeshBones(rig, skinning.joints, replace(motion, rotations=turns, translation=skinning.translation))


def body_keypoints(
    body: MorphableModel, scale: float, identity: NDArray, joints: NDArray, motion: Motion
) -> dict[str, NDArray]:
    """Scheme -> (N, K, 3) float64 metres: key points of a body in each of its poses.

    Args:
        identity: (K,). joints: (B, 3) metres, at rest.
    """
    rig, still = rig_of(body), body.vertices(identity, np.zeros(len(body.expression_names)), scale)
    # Only the vertices that make key points are posed: a tenth of them, in each of perhaps many frames.
    used = np.unique(np.concatenate([index.ravel() for index, _ in rig.keypoints.values()]))
    few = replace(rig, bone_index=rig.bone_index[used], bone_weight=rig.bone_weight[used])
    moves = scale * body.expression_basis[:, used]
    posed = np.stack(
        [
            few.pose(still[used] + np.tensordot(weights, moves, 1), joints, matrices(turns), step)[0]
            for weights, turns, step in zip(motion.expression, motion.rotations, motion.translation)
        ]
    ).astype(float)
    return {
        scheme: np.einsum("km,fkmd->fkd", weight, posed[:, np.searchsorted(used, index)])
        for scheme, (index, weight) in rig.keypoints.items()
    }
