"""Which bones move each vertex, as files hold it: the four heaviest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.rig import Rig
from maquette.outputs.meshes.gltf import Builder

INFLUENCES = 4  # per vertex: one attribute set of glTF, all that many viewers read


@dataclass(frozen=True, eq=False)
class Influences:
    """Which joints move each vertex.

    Attributes:
        joints: (V, 4) int; weights: (V, 4) float32 that sum to 1, strongest first; unused: joint 0, weight 0.
    """

    joints: NDArray
    weights: NDArray

    def attributes(self, builder: Builder, vertices: NDArray) -> dict[str, int]:
        """JOINTS_0 and WEIGHTS_0 of some (n,) vertices."""
        kind = np.uint8 if self.joints.max() < 256 else np.uint16
        joints, weights = self.joints[vertices].astype(kind), self.weights[vertices]
        return {"JOINTS_0": builder.dense(joints), "WEIGHTS_0": builder.dense(weights)}


def influences(rig: Rig) -> Influences:
    """The four heaviest influences of each vertex, brought back to the sum of 1."""
    from scipy.sparse import coo_matrix

    total, most = rig.bone_index.shape
    rows = np.repeat(np.arange(total), most)
    shape = (total, len(rig.bones))
    whole = coo_matrix((rig.bone_weight.ravel(), (rows, rig.bone_index.ravel())), shape).toarray()  # sums doubles up
    return _heaviest(whole)


def _heaviest(whole: NDArray) -> Influences:
    """Of weights (V, B)."""
    count = min(INFLUENCES, whole.shape[1])
    joints = np.argsort(-whole, axis=1, kind="stable")[:, :count]
    weights = np.take_along_axis(whole, joints, axis=1).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    missing = ((0, 0), (0, INFLUENCES - count))
    return Influences(np.pad(np.where(weights > 0, joints, 0), missing), np.pad(weights, missing).astype(np.float32))


def anchored(whole: Influences, anchors: NDArray, share: NDArray, bones: int) -> Influences:
    """Of points that lie on three vertices each, anchors (V, 3) with shares (V, 3) that sum to 1."""
    total = np.zeros((len(anchors), bones), np.float32)
    rows = np.arange(len(anchors))[:, None]
    for corner in range(anchors.shape[1]):
        at = anchors[:, corner]
        np.add.at(total, (rows, whole.joints[at]), share[:, corner : corner + 1] * whole.weights[at])
    return _heaviest(total)
