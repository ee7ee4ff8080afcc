"""What is solved for: one identity, and per photo a pose, a focal length and an expression."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera, Observation
from maquette.geometry.alignment import similarity
from maquette.reconstruction.face_fit.equations import Linearization, NormalEquations

POSE = 7  # rotation vector, translation, log focal length
INTERPUPILLARY_M = 0.063  # adult mean, Dodgson 2004: the unit of the landmark noise
DISTANCE_M, DISTANCE_SIGMA = 1.2, 0.62  # usual distance of a portrait, metres, and its spread in log
FOCAL_SIGMA = 0.03  # trust in a focal length from the file, log
OPENCV = np.diag([1.0, -1.0, -1.0])  # world axes seen by a camera in front of the face


@dataclass(frozen=True, eq=False)
class FaceView:
    """One photo's unknowns, in model metres.

    Attributes:
        rotation: (3, 3) model to camera.
        translation: (3,) metres.
        focal: pixels.
        centre: (2,) principal point, pixels; not solved for.
        expression: (E,) in 0-1.
        known_focal: pixels, or None.
    """

    rotation: NDArray
    translation: NDArray
    focal: float
    centre: NDArray
    expression: NDArray
    known_focal: float | None = None

    def camera(self, size: tuple[int, int], scale: float = 1.0) -> Camera:
        """The camera of this photo when the head is `scale` times the model."""
        intrinsics = np.array([[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1.0]])
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation, scale * self.translation
        return Camera(intrinsics, matrix, size)

    def pixels(self, points: NDArray) -> NDArray:
        """(N, 2) crop pixels of points (N, 3) of the model."""
        placed = points @ self.rotation.T + self.translation
        return np.asarray(self.focal * placed[:, :2] / placed[:, 2:] + self.centre)

    def yaw_pitch_roll(self) -> tuple[float, float, float]:
        """Radians; yaw > 0 turns to the subject's left, pitch > 0 looks up, roll > 0 tilts to the subject's left."""
        facing = OPENCV @ self.rotation
        # facing = Ry(yaw) Rx(-pitch) Rz(-roll) applied to the model: yaw is about the picture's vertical
        yaw, pitch, roll = Rotation.from_matrix(facing).as_euler("YXZ")
        return float(yaw), float(-pitch), float(-roll)

    def moved(self, step: NDArray, expression: NDArray) -> FaceView:
        """The view after a step of the pose (7,), shortened where the linear model no longer holds."""
        reach = np.array([0.4, 0.3 * self.translation[2], 0.4])
        taken = np.array([np.linalg.norm(step[:3]), abs(step[5]), abs(step[6])])
        step = step * min(1.0, (reach / np.maximum(taken, 1e-9)).min())
        return replace(
            self,
            rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ self.rotation,
            translation=self.translation + step[3:6],
            focal=float(self.focal * np.exp(step[6])),
            expression=expression,
        )

    def unit(self) -> float:
        """Pixels that the mean interpupillary distance spans at the head's distance."""
        return self.focal * INTERPUPILLARY_M / self.translation[2]

    def nearness(self) -> float:
        """Mean interpupillary distance over the head's distance: how strong the perspective is; 0 from infinity."""
        return float(INTERPUPILLARY_M / self.translation[2])


def first_guess(observation: Observation, points: NDArray, expressions: int) -> FaceView:
    """Pose from a 3D similarity (Umeyama 1991) between the detector's landmarks and the average head's.

    Args:
        points: (N, 3) the model's landmarks, metres.
    """
    scale_x = observation.frame.size[0] / (observation.box[2] - observation.box[0])
    if observation.camera is not None:
        known = float(observation.camera.intrinsics[0, 0])
        centre = observation.camera.intrinsics[:2, 2].copy()
    else:
        known, centre = None, (np.array(observation.full_size) / 2 - observation.box[:2]) * scale_x
    seen = observation.landmarks[: len(points)]
    laid = similarity(points, seen)
    pixels_per_metre, rotation = laid.scale, laid.rotation
    distance = known / pixels_per_metre if known else DISTANCE_M
    focal = known or pixels_per_metre * DISTANCE_M
    middle = seen.mean(0)[:2] - centre
    translation = np.append(middle / pixels_per_metre, distance) - rotation @ points.mean(0)
    return FaceView(rotation, translation, focal, centre, np.zeros(expressions), known)


def view_prior(view: FaceView) -> NormalEquations:
    """What is known of distance and focal length beforehand, over [pose (7)] alone."""
    matrix, vector = np.zeros((POSE, POSE)), np.zeros(POSE)
    if view.known_focal:
        matrix[6, 6] += FOCAL_SIGMA**-2
        vector[6] += np.log(view.known_focal / view.focal) * FOCAL_SIGMA**-2
    row = 1 / view.translation[2]
    matrix[5, 5] += (row / DISTANCE_SIGMA) ** 2
    vector[5] += row * np.log(DISTANCE_M / view.translation[2]) / DISTANCE_SIGMA**2
    return NormalEquations(matrix, vector)


def project_points(view: FaceView, placed: NDArray, basis: NDArray) -> Linearization:
    """Pixels (N, 2) of points, and their derivatives.

    Args:
        placed: (N, 3) points in the camera, metres.
        basis: (N, 3, P) derivative of the points in the model by shape weights.
    """
    x, y, z = placed.T
    pixels = view.focal * placed[:, :2] / z[:, None] + view.centre
    flat = np.zeros((len(placed), 2, 3))
    flat[:, 0, 0] = flat[:, 1, 1] = view.focal / z
    flat[:, 0, 2], flat[:, 1, 2] = -view.focal * x / z**2, -view.focal * y / z**2
    turned = placed - view.translation
    by_pose = np.empty((len(placed), 2, POSE))
    by_pose[:, :, :3] = flat @ -cross_matrices(turned)
    by_pose[:, :, 3:6] = flat
    by_pose[:, :, 6] = pixels - view.centre
    return Linearization(pixels, by_pose, (flat @ view.rotation) @ basis)


def cross_matrices(vectors: NDArray) -> NDArray:
    """(N, 3, 3) so that matrix @ w is the cross product vector x w."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
