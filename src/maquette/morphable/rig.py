"""A skeleton inside a parametric model: bones, skinning weights, key points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Rig:
    """Bones of a model in its rest pose. All rotations are in world axes, so that no bone has axes of its own.

    Attributes:
        bones: B names; parents (B,) int32, -1 for the root (bone 0); a parent comes before its children.
        heads: (B, 3) float32 metres, where each bone begins, for the mean shape.
        heads_basis: (K, B, 3) float32 metres per standard deviation of the identity.
        bone_index, bone_weight: (V, W) int32 and float32; linear blend skinning, weights sum to 1.
        keypoints: scheme ("mediapipe33", "body25", "coco17") -> (N, M) int32 vertices and (N, M) float32 weights that
            sum to 1.
        sliders: named directions in the identity space, (K,) each ("height", "weight", "gender", "age").
    """

    bones: tuple[str, ...]
    parents: NDArray
    heads: NDArray
    heads_basis: NDArray
    bone_index: NDArray
    bone_weight: NDArray
    keypoints: Mapping[str, tuple[NDArray, NDArray]]
    sliders: Mapping[str, NDArray] = field(default_factory=dict)

    def joints(self, identity: NDArray, scale: float = 1.0) -> NDArray:
        """(B, 3) float32 metres: where the bones begin in the rest pose."""
        moved = np.tensordot(np.asarray(identity, np.float32), self.heads_basis[: len(identity)], 1)
        return (scale * (self.heads + moved)).astype(np.float32)

    def transforms(self, joints: NDArray, rotations: NDArray) -> NDArray:
        """(B, 3, 4) float64 from rest to posed coordinates of each bone.

        Args:
            joints: (B, 3) metres, rest pose.
            rotations: (B, 3, 3); rotation k turns bone k about its head, in world axes carried along by its parents.
                The root's rotation turns the whole body.
        """
        out = np.empty((len(joints), 3, 4))
        for k, parent in enumerate(self.parents):
            local = np.column_stack([rotations[k], joints[k] - rotations[k] @ joints[k]])
            if parent < 0:
                out[k] = local
                continue
            out[k, :, :3] = out[parent, :, :3] @ local[:, :3]
            out[k, :, 3] = out[parent, :, :3] @ local[:, 3] + out[parent, :, 3]
        return out

    def pose(
        self, vertices: NDArray, joints: NDArray, rotations: NDArray, translation: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Turn the bones and move the whole (linear blend skinning).

        Args:
            vertices: (V, 3) metres, rest pose.
            joints: (B, 3) metres, rest pose.
            rotations: (B, 3, 3), see `transforms`.
            translation: (3,) metres, added last.

        Returns:
            vertices (V, 3) float32 and joints (B, 3) float32, metres.
        """
        moves = self.transforms(joints, rotations)
        blended = np.einsum("vw,vwab->vab", self.bone_weight, moves[self.bone_index].astype(np.float32))
        posed = np.einsum("vab,vb->va", blended[..., :3], vertices) + blended[..., 3] + translation
        heads = np.einsum("bxy,by->bx", moves[..., :3], joints) + moves[..., 3] + translation
        return posed.astype(np.float32), heads.astype(np.float32)

    def keypoints_of(self, scheme: str, vertices: NDArray) -> NDArray:
        """(N, 3) key points of a scheme from posed vertices (V, 3)."""
        index, weight = self.keypoints[scheme]
        return np.einsum("nm,nmd->nd", weight, vertices[index])
