"""Where a head that was fitted to a face lies on a body: on the same pixels, as deep as the body's neck."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import cropped, pixels_per_metre, project, resized

PIVOT = np.array([0.0, -0.041, -0.077])  # metres of the mean head: where the spine carries it, in the body's bone head


@dataclass(frozen=True, eq=False)
class HeadPlace:
    """A similarity from a head's own frame to the world.

    Attributes:
        rotation: (3, 3); scale: metres of the world per metre of the head; translation: (3,) metres, world.
        error: median distance between the head's points and their pixels, as share of the face's size.
    """

    rotation: NDArray
    scale: float
    translation: NDArray
    error: float = 0.0

    def to_world(self, points: NDArray) -> NDArray:
        """(..., 3) metres, world, of points (..., 3) of the head."""
        out: NDArray = self.scale * points @ self.rotation.T + self.translation
        return out


def in_photo(face: Observation, person: Observation) -> Observation:
    """A face that was found in a person's crop, its box in pixels of the photo, with the focal length if known."""
    step = (person.box[2:] - person.box[:2]) / person.frame.size
    found = replace(face, box=np.tile(person.box[:2], 2) + face.box * np.tile(step, 2), full_size=person.full_size)
    return found if person.camera is None else replace(found, camera=seen_by(person.camera, found, person))


def seen_by(camera: Camera, face: Observation, person: Observation) -> Camera:
    """The camera of a person's crop for the pixels of a face, both boxes in pixels of the photo; it does not turn."""
    scale = person.frame.size / (person.box[2:] - person.box[:2])
    box = (face.box - np.tile(person.box[:2], 2)) * np.tile(scale, 2)
    pinhole = Camera(camera.intrinsics, np.eye(4), camera.size, camera.projection)
    return resized(cropped(pinhole, box), face.frame.size)


def place_head(
    points: NDArray, pixels: NDArray, camera: Camera, turn: NDArray, pivot: tuple[NDArray, NDArray]
) -> HeadPlace:
    """The place from which a person's camera shows points of a head where the photo shows them.

    Args:
        points: (N, 3) metres, head axes, with the expression of the photo.
        pixels: (N, 2) where the photo shows them, pixels of the camera.
        turn: (3, 3) from the head's to camera axes, nearly.
        pivot: (3,) metres, head axes, and the point of the world (3,) as deep as which it lies.
    """
    pose = camera.world_to_camera
    depth = float(pose[2, :3] @ pivot[1] + pose[2, 3])
    size = float(np.ptp(pixels, axis=0).max())
    scale = size / max(float(np.ptp(points @ turn.T, axis=0)[:2].max()), 1e-9) / pixels_per_metre(camera, depth)
    ahead = Camera(camera.intrinsics, np.eye(4), camera.size, camera.projection)
    apart = points - pivot[0]

    def placed(state: NDArray) -> NDArray:
        rotation = Rotation.from_rotvec(state[:3]).as_matrix() @ turn
        moved: NDArray = np.exp(state[3]) * scale * apart @ rotation.T + [state[4], state[5], depth]
        return moved

    def apart_px(state: NDArray) -> NDArray:
        found: NDArray = (project(ahead, placed(state))[0] - pixels).ravel() / size
        return found

    start = np.zeros(6)
    start[4:] = _across(camera, pixels.mean(axis=0), depth) - (scale * apart @ turn.T).mean(axis=0)[:2]
    state = least_squares(apart_px, start, method="lm").x
    error = float(np.median(np.linalg.norm(apart_px(state).reshape(-1, 2), axis=1)))
    rotation = pose[:3, :3].T @ Rotation.from_rotvec(state[:3]).as_matrix() @ turn
    seat = pose[:3, :3].T @ (np.array([state[4], state[5], depth]) - pose[:3, 3])
    grown = float(np.exp(state[3]) * scale)
    return HeadPlace(rotation, grown, seat - grown * rotation @ pivot[0], error)


def _across(camera: Camera, pixel: NDArray, depth: float) -> NDArray:
    """(2,) metres to the right and down in camera axes of a pixel (2,) at a depth."""
    flat = camera.intrinsics
    return (pixel - flat[:2, 2]) / np.diag(flat)[:2] * (depth if camera.projection == "perspective" else 1.0)
