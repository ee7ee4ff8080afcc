"""What is fitted: the build, the angles of the joints, the camera; and how the pixels move with each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera
from maquette.morphable.animals.body import AnimalBody

FLIP = np.diag([1.0, -1.0, -1.0])  # x right, y up, z nearer to camera axes
STEP = 1e-4  # of the differences that stand for derivatives: radians, standard deviations


@dataclass(frozen=True, eq=False)
class SeenOutline:
    """The photo as the fit sees it, in its own pixels, which are few.

    Attributes:
        inside: (h, w) bool, the animal.
        points, normals: (M, 2) along its edge and outwards, without the photo's own edge.
        landmarks: (20, 2). sigma: (20,); infinite where nothing was read.
        cut: which of left, top, right and bottom of the picture are the photo's end, and the animal reaches there.
        focal: pixels. centre: (2,) of the pinhole.
        scale: pixels of the fit per pixel of the crop.
        unit: pixels: root of the animal's area.
    """

    inside: NDArray
    points: NDArray
    normals: NDArray
    landmarks: NDArray
    sigma: NDArray
    cut: tuple[bool, bool, bool, bool]
    focal: float
    centre: NDArray
    scale: float
    unit: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) pixels."""
        return self.inside.shape[1], self.inside.shape[0]


@dataclass(frozen=True, eq=False)
class Stand:
    """An animal before a camera.

    Attributes:
        identity: (K,) standard deviations. angles: (P,) radians of `stance.TURNS`.
        rotation: (3, 3), translation: (3,) metres: x_camera = rotation x + translation, x in the rig's coordinates.
        stance: name of the one that it began with.
    """

    identity: NDArray
    angles: NDArray
    rotation: NDArray
    translation: NDArray
    stance: str

    def moved(self, step: NDArray, low: NDArray, high: NDArray) -> Stand:
        """After a step of all unknowns: identity, angles within limits, turn about the camera's axes, shift."""
        count, turns = len(self.identity), len(self.angles)
        turn = Rotation.from_rotvec(step[count + turns : count + turns + 3]).as_matrix()
        return replace(
            self,
            identity=np.clip(self.identity + step[:count], -3, 3),
            angles=np.clip(self.angles + step[count : count + turns], low, high),
            rotation=turn @ self.rotation,
            translation=turn @ (self.translation - self.pivot) + self.pivot + step[count + turns + 3 :],
        )

    @property
    def pivot(self) -> NDArray:
        """(3,) metres, camera axes: about where the trunk is, around which the camera's turns go."""
        out: NDArray = self.rotation @ TRUNK + self.translation
        return out

    @property
    def ahead(self) -> NDArray:
        """(3,) unit: where the trunk looks; x right, y up, z towards the camera."""
        out: NDArray = FLIP @ self.rotation @ np.array([0.0, 0, 1])
        return out


TRUNK = np.array([0.0, 0.45, 0.25])  # metres, rig's coordinates: the middle of the trunk


@dataclass(frozen=True, eq=False)
class Poser:
    """Some vertices of the body, posed for many stands at once.

    Attributes:
        body: the whole.
    """

    body: AnimalBody

    def points(self, identity: NDArray, angles: NDArray, chosen: NDArray) -> NDArray:
        """(Q, n, 3) metres, rig's coordinates: vertices (n,) for identities (Q, K) and angles (Q, P)."""
        model, rig = self.body.model, self.body.rig
        rest = model.mean[chosen] + np.tensordot(identity, model.identity_basis[:, chosen], 1)
        joints = rig.heads + np.tensordot(identity, rig.heads_basis, 1)
        moves = _transforms(rig.parents, joints, self.body.rotations(angles))
        out = np.zeros(rest.shape)
        for k in range(rig.bone_index.shape[1]):
            own = moves[:, rig.bone_index[chosen, k]]
            turned = np.einsum("qnij,qnj->qni", own[..., :3], rest, optimize=False) + own[..., 3]
            out += rig.bone_weight[chosen, k][None, :, None] * turned
        return out

    def of(self, stand: Stand, chosen: NDArray) -> NDArray:
        """(n, 3) metres, rig's coordinates."""
        return self.points(stand.identity[None], stand.angles[None], chosen)[0]

    def derivatives(self, stand: Stand, chosen: NDArray) -> tuple[NDArray, NDArray]:
        """Points (n, 3) in camera axes, and (n, 3, U) how they move with every unknown."""
        count, turns = len(stand.identity), len(stand.angles)
        identity = np.repeat(stand.identity[None], 1 + count + turns, axis=0)
        angles = np.repeat(stand.angles[None], 1 + count + turns, axis=0)
        identity[1 : 1 + count] += STEP * np.eye(count)
        angles[1 + count :] += STEP * np.eye(turns)
        posed = self.points(identity, angles, chosen)
        shape = np.einsum("ij,qnj->niq", stand.rotation, (posed[1:] - posed[0]) / STEP)
        camera = posed[0] @ stand.rotation.T + stand.translation
        arm = camera - stand.pivot
        turn = np.zeros((len(chosen), 3, 3))  # d(w x a)/dw = -[a]x
        turn[:, 0, 1], turn[:, 0, 2] = arm[:, 2], -arm[:, 1]
        turn[:, 1, 0], turn[:, 1, 2] = -arm[:, 2], arm[:, 0]
        turn[:, 2, 0], turn[:, 2, 1] = arm[:, 1], -arm[:, 0]
        shift = np.broadcast_to(np.eye(3), (len(chosen), 3, 3))
        return camera, np.concatenate([shape, turn, shift], axis=2)


def _transforms(parents: NDArray, joints: NDArray, rotations: NDArray) -> NDArray:
    """(Q, B, 3, 4): `Rig.transforms` for many at once."""
    out = np.empty((*rotations.shape[:-1], 4))
    local = np.concatenate([rotations, (joints - np.einsum("qbij,qbj->qbi", rotations, joints))[..., None]], axis=-1)
    for k, parent in enumerate(parents):
        if parent < 0:
            out[:, k] = local[:, k]
            continue
        out[:, k] = out[:, parent, :, :3] @ local[:, k]
        out[:, k, :, 3] += out[:, parent, :, 3]
    return out


def drawn(camera: NDArray, outline: SeenOutline) -> NDArray:
    """(..., 2) pixels of points (..., 3) in camera axes."""
    return outline.focal * camera[..., :2] / np.maximum(camera[..., 2:], 1e-3) + outline.centre


def pinhole(stand: Stand, step: NDArray, outline: SeenOutline, size: tuple[int, int]) -> Camera:
    """The camera in the world, for the crop's pixels.

    Args:
        step: (3,) metres from the rig's coordinates to the world's. size: (width, height) of the crop.
    """
    focal, centre = outline.focal / outline.scale, outline.centre / outline.scale
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = stand.rotation
    world_to_camera[:3, 3] = stand.translation - stand.rotation @ step
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], float), world_to_camera, size)
