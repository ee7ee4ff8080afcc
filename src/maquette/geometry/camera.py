"""Projection and its inverse. Pixels: the centre of the first pixel is (0.5, 0.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera


def project(camera: Camera, points_world: NDArray) -> tuple[NDArray, NDArray]:
    """Project world points into the image.

    Args:
        points_world: (..., 3), metres.

    Returns:
        pixels: (..., 2), x right and y down; may lie outside the image.
        depth: (...), metres along the camera's z axis; not positive means behind it.

    Example:
        >>> camera = Camera(np.array([[100., 0, 32], [0, 100, 24], [0, 0, 1]]), np.eye(4), (64, 48))
        >>> pixels, depth = project(camera, np.array([0.0, 0.0, 2.0]))
        >>> pixels, depth.item()
        (array([32., 24.]), 2.0)
    """
    points_camera = points_world @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    planar, depth = points_camera[..., :2], points_camera[..., 2]
    if camera.projection == "perspective":
        planar = planar / depth[..., None]
    return planar @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2], depth


def pixel_rays(camera: Camera, pixels: NDArray) -> tuple[NDArray, NDArray]:
    """World rays through pixels.

    Args:
        pixels: (N, 2), x right and y down.

    Returns:
        origins: (N, 3), metres, world.
        directions: (N, 3), unit, world.
    """
    rotation, translation = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    planar = (pixels - camera.intrinsics[:2, 2]) @ np.linalg.inv(camera.intrinsics[:2, :2]).T
    if camera.projection == "perspective":
        origins_camera = np.zeros((len(pixels), 3))
        directions_camera = np.concatenate([planar, np.ones((len(pixels), 1))], axis=1)
        directions_camera /= np.linalg.norm(directions_camera, axis=1, keepdims=True)
    else:
        origins_camera = np.concatenate([planar, np.full((len(pixels), 1), -10.0)], axis=1)
        directions_camera = np.tile([0.0, 0.0, 1.0], (len(pixels), 1))
    return (origins_camera - translation) @ rotation, directions_camera @ rotation


def pixels_per_metre(camera: Camera, depth: float) -> float:
    """How many pixels show a metre that lies `depth` metres along the camera's axis, across it."""
    return float(camera.intrinsics[0, 0] / (depth if camera.projection == "perspective" else 1.0))


def camera_centre(camera: Camera) -> NDArray:
    """(3,) metres, world: where the camera stands."""
    return -camera.world_to_camera[:3, :3].T @ camera.world_to_camera[:3, 3]


def resized(camera: Camera, size: tuple[int, int]) -> Camera:
    """The same camera for the picture resized to (width, height)."""
    factor = np.diag([size[0] / camera.size[0], size[1] / camera.size[1], 1.0])
    return Camera(factor @ camera.intrinsics, camera.world_to_camera, size, camera.projection)


def cropped(camera: Camera, box: NDArray) -> Camera:
    """The same camera for the crop (x0, y0, x1, y1) of its picture, pixels."""
    shift = np.eye(3)
    shift[:2, 2] = -np.asarray(box, float)[:2]
    size = (round(float(box[2] - box[0])), round(float(box[3] - box[1])))
    return Camera(shift @ camera.intrinsics, camera.world_to_camera, size, camera.projection)
