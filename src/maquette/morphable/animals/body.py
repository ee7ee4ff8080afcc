"""The body of dogs and cats: a rigged mesh whose build varies, read once from its safetensors file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.morphable.animals.stance import turning
from maquette.morphable.body import body_model
from maquette.morphable.model import MorphableModel
from maquette.morphable.posing import rig_of
from maquette.morphable.rig import Rig
from maquette.morphable.stored import stored

PET_BODY = "maquette-pet-body"


@dataclass(frozen=True, eq=False)
class AnimalBody:
    """A whole animal.

    Attributes:
        model: the mean stands on the floor, its pelvis over the origin; the landmarks of the face are the rig's key
            points "pet20"; builds of the species are the rig's sliders.
        coarse: (G, 3) int32 faces of the skin over some of its vertices, closed: enough for an outline.
        modes: K names of the identity's directions, "legs" and the like.
    """

    model: MorphableModel
    coarse: NDArray
    modes: tuple[str, ...]

    @property
    def rig(self) -> Rig:
        """Its skeleton."""
        return rig_of(self.model)

    def rotations(self, angles: NDArray) -> NDArray:
        """(..., B, 3, 3) of every bone for (..., P) radians of `stance.TURNS`."""
        vectors = np.tensordot(angles, turning(self.rig.bones), 1)
        turns = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
        return turns.reshape(*vectors.shape[:-1], 3, 3)

    def posed(self, identity: NDArray, angles: NDArray) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) and joints (B, 3), metres, of a build and a stance, standing on the floor over the origin.

        Args:
            identity: (K,) standard deviations. angles: (P,) radians.
        """
        rest = self.model.vertices(identity, np.zeros(0))
        vertices, joints = self.rig.pose(rest, self.rig.joints(identity), self.rotations(angles), np.zeros(3))
        step = self.on_floor(vertices, joints)
        return vertices + step, joints + step

    def on_floor(self, vertices: NDArray, joints: NDArray) -> NDArray:
        """(3,) float32 metres that bring posed vertices onto the floor, the pelvis over the origin."""
        pelvis = joints[self.rig.bones.index("pelvis")]
        return np.array([-pelvis[0], -vertices[:, 1].min(), -pelvis[2]], np.float32)


@lru_cache(maxsize=2)
def load_animal_body(path: Path) -> AnimalBody:
    """The body of dogs and cats, see tools/build_dog_body.py.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with stored(path) as found:
        return AnimalBody(body_model(found), found.tensors["coarse"], tuple(found.fact("modes")))
