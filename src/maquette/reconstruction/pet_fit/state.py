"""What is fitted: coefficients that all photos share, and a pose and an expression per photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera
from maquette.morphable.model import MorphableModel
from maquette.perception.pets.schemes import EYES

DISTANCE = 20.0  # of the camera where the photo does not say its focal length, in the model's eye distances
SIGMA_LEAST = 0.02  # of a landmark as it is read, in eye distances
# Eye distances by which a landmark of the model's nearest head lies beside that of a drawn head (root mean square of x,
# y and z over 120 heads, times SLIDING): a chin, a cheek or a nose's root is no corner, and slides along the surface.
SLIDING = 1.5  # what it must count for the fit to come nearest, for the errors of neighbours are alike
EYE, EARS, CHEEK = (0.043, 0.044), (0.072, 0.045, 0.076), 0.066
BESIDE = SLIDING * np.array(
    [*EYE, *EYE[::-1], 0.018, 0.06, 0.034, 0.056, 0.056, 0.018, 0.023, 0.028, *EARS, *EARS[::-1], CHEEK, CHEEK]
)


@dataclass(frozen=True, eq=False)
class View:
    """One photo as the fit sees it, in its crop's pixels, y down.

    Attributes:
        landmarks: (20, 2). sigma: (20,) of x and y each, as read.
        outline: (M, 2) points on the animal's outline around its head; normals: (M, 2) unit, outwards.
        size: (width, height) of the crop.
        focal, centre: of the pinhole, pixels; (2,).
        unit: pixels of an eye distance seen squarely.
        up: (2,) unit: from the nose towards the forehead.
    """

    landmarks: NDArray
    sigma: NDArray
    outline: NDArray
    normals: NDArray
    size: tuple[int, int]
    focal: float
    centre: NDArray
    unit: float
    up: NDArray

    @property
    def doubt(self) -> NDArray:
        """(20,) pixels that a fitted landmark may be off: as read, and because the model's own slides."""
        return np.hypot(self.sigma, BESIDE * self.unit)


@dataclass(frozen=True, eq=False)
class PetPose:
    """Where a head is in one photo: x_camera = rotation x + translation; camera axes, metres."""

    rotation: NDArray
    translation: NDArray

    def moved(self, step: NDArray) -> PetPose:
        """Turned by a rotation vector step[:3], about the head's own origin, and shifted by step[3:] metres."""
        return PetPose(Rotation.from_rotvec(step[:3]).as_matrix() @ self.rotation, self.translation + step[3:])

    def camera(self, view: View) -> Camera:
        """The pinhole that sees the head of the world so."""
        intrinsics = np.array([[view.focal, 0, view.centre[0]], [0, view.focal, view.centre[1]], [0, 0, 1]], float)
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3], world_to_camera[:3, 3] = self.rotation, self.translation
        return Camera(intrinsics, world_to_camera, view.size)


@dataclass(frozen=True, eq=False)
class Prior:
    """What is known of a head's coefficients before it is fitted.

    Attributes:
        mean: (K,) standard deviations of the model. weight: (K,) inverse variances.
    """

    mean: NDArray
    weight: NDArray

    @classmethod
    def usual(cls, count: int, photos: int = 1) -> Prior:
        """The model's own, N(0, 1), once per photo: errors of photos are alike, so that together they count as one."""
        return cls(np.zeros(count), np.full(count, float(photos)))

    def energy(self, identity: NDArray) -> float:
        """Half the weighted sum of squares."""
        return 0.5 * float(self.weight @ (identity - self.mean) ** 2)


@dataclass(frozen=True, eq=False)
class State:
    """A head of one species in all photos.

    Attributes:
        model: of the species.
        identity: (K,) standard deviations.
        expressions: (N, E) weights, per photo.
        poses: N of them.
        prior: of the identity.
    """

    model: MorphableModel
    identity: NDArray
    expressions: NDArray
    poses: tuple[PetPose, ...]
    prior: Prior

    def vertices(self, index: int) -> NDArray:
        """(V, 3) float64 metres: the head with its expression in photo `index`."""
        return self.model.vertices(self.identity, self.expressions[index]).astype(float)


def eye_distance(model: MorphableModel) -> float:
    """Metres between the middles of a model's eyes."""
    return float(np.linalg.norm(model.eye_centre(model.mean, "Left") - model.eye_centre(model.mean, "Right")))


def projected(points: NDArray, pose: PetPose, view: View) -> tuple[NDArray, NDArray]:
    """Pixels (N, 2) of points (N, 3) of the head, and their (N, 3) places in camera axes."""
    camera = points @ pose.rotation.T + pose.translation
    return view.focal * camera[:, :2] / camera[:, 2:] + view.centre, camera


def first_pose(points: NDArray, view: View, seen: NDArray) -> PetPose:
    """The pose that brings points (20, 3) of a head nearest to the landmarks, far away (weak perspective).

    The (2, 4) matrix of least squares, made a scaled rotation (reference: linear pose of 2D-3D pairs).

    Args:
        seen: (20,) weights.
    """
    root = np.sqrt(seen)[:, None]
    middle_3d, middle_2d = (seen @ x / seen.sum() for x in (points, view.landmarks))
    flat, *_ = np.linalg.lstsq(root * (points - middle_3d), root * (view.landmarks - middle_2d), rcond=1e-3)
    left, size, right = np.linalg.svd(flat.T, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    if rotation[2, 2] > 0:  # seen from behind: landmarks of a flat face have two explanations
        rotation = _nearer(rotation)
    depth = view.focal / max(float(size.mean()), 1e-6)
    offset = (middle_2d - view.centre) / view.focal * depth
    return PetPose(rotation, np.append(offset, depth) - rotation @ middle_3d)


def _nearer(rotation: NDArray) -> NDArray:
    """The rotation mirrored in depth, facing the camera."""
    rows = rotation[:2] * np.array([1.0, 1.0, -1.0])
    return np.vstack([rows, np.cross(rows[0], rows[1])])


def middle_of_eyes(landmarks: NDArray) -> NDArray:
    """(2, 2): the middles of the right and the left eye of (20, 2) landmarks."""
    return np.stack([landmarks[list(pair)].mean(axis=0) for pair in EYES])
