"""A posed body in clothes that lie on its skin: what hangs from it is put on in its rest pose and moved with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.alignment import Similarity, similarity
from maquette.synthesis.anatomy.body_mesh import BodyMesh

CHIN = 0.80  # metres, its height on the average body in its rest pose
LEG_M, TRUNK_M = 0.896, 0.59  # of the average body: hip to ankle, hip to neck


@dataclass(frozen=True, eq=False)
class Wearer:
    """A posed body and its clothes that lie on the skin.

    Attributes:
        rest: (V, 3) metres, this person in the rest pose. naked, dressed: (V, 3) metres, posed.
        size: (2,) this person's legs and trunk against the average body's.
    """

    mesh: BodyMesh
    rest: NDArray
    naked: NDArray
    dressed: NDArray
    size: tuple[float, float]

    def frame(self, which: NDArray, most: int = 400) -> Similarity:
        """The motion from the rest pose to the posed body of the vertices (V,) bool."""
        chosen = np.flatnonzero(which)
        chosen = chosen[:: max(1, len(chosen) // most)]
        return similarity(self.rest[chosen], self.naked[chosen], scale=False)

    def head_motion(self) -> Similarity:
        """From the rest pose to the posed head."""
        return self.frame((self.mesh.head > 0.9) & (self.mesh.rest[:, 1] > CHIN + 0.02))


def measure_wearer(mesh: BodyMesh, rest: NDArray, naked: NDArray, dressed: NDArray) -> Wearer:
    """A wearer, with the size of legs and trunk."""
    ankle, hip, neck = (
        rest[near, 1].mean()
        for near in (np.abs(mesh.down_leg - 1) < 0.01, hips(mesh), np.abs(mesh.waist - TRUNK_M) < 0.02)
    )
    return Wearer(mesh, rest, naked, dressed, ((hip - ankle) / LEG_M, (neck - hip) / TRUNK_M))


def hips(mesh: BodyMesh) -> NDArray:
    """(V,) bool: the vertices at the height of the hips' joints."""
    return (np.abs(mesh.waist) < 0.012) & (mesh.arms < 0.05)
