"""Where the camera stands: head pose to profile, 24 to 200 mm, framing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera

FILM_WIDTH_MM = 36.0  # focal lengths are given for 35 mm film
FACE_WIDTH_M = 0.2  # what `fill` measures: about a head with some air
AIM_M = np.array([0.0, -0.025, -0.05])  # middle of the head behind the origin between the eyes


def look_at(
    yaw: float, pitch: float, roll: float, distance: float, size: tuple[int, int], fill: float, aim: NDArray = AIM_M
) -> Camera:
    """A camera that looks at the head.

    Args:
        yaw: radians; positive shows the subject's left side. pitch: positive looks down on the head.
        roll: radians, turns the picture.
        distance: metres to the middle of the head.
        size: (width, height) pixels.
        fill: share of the picture's width that 0.2 m at the head take.
        aim: (3,) metres, world, what is in the middle of the picture.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = -np.array([sy * cp, sp, cy * cp])
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    axes = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ axes
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes, -axes @ (aim - distance * forward)
    focal = fill * size[0] * distance / FACE_WIDTH_M
    return Camera(np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1.0]]), pose, size)


def framed(camera: Camera, matrix: NDArray, size: tuple[int, int]) -> Camera:
    """The camera turned about its axis, enlarged and shifted: it takes what else would be cut from its picture.

    Args:
        camera: with square pixels.
        matrix: (2, 3) a similarity from the pixels of its picture to those of the part that is wanted.
        size: (width, height) of that part, pixels.
    """
    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    turn, pose, intrinsics = np.eye(4), camera.world_to_camera, np.eye(3)
    turn[:2, :2] = matrix[:, :2] / scale
    intrinsics[:2, :2] = scale * camera.intrinsics[:2, :2]
    intrinsics[:2, 2] = matrix[:, :2] @ camera.intrinsics[:2, 2] + matrix[:, 2]
    return Camera(intrinsics, turn @ pose, size, camera.projection)


def draw_view(rng: np.random.Generator, size: tuple[int, int], yaw: float | None = None) -> tuple[Camera, NDArray]:
    """A camera as people hold one: half the heads look roughly at it, the others anywhere to the profile.

    Returns:
        camera and (3,) yaw, pitch, roll in radians.
    """
    usual, any_way = rng.normal() * 0.35, rng.uniform(-np.pi / 2, np.pi / 2)
    drawn = usual if rng.random() < 0.5 else any_way
    drawn = np.clip(drawn if yaw is None else yaw, -np.pi / 2, np.pi / 2)
    pitch = np.clip(rng.normal() * 0.2, -0.7, 0.7)
    roll = np.clip(rng.normal() * 0.15, -0.6, 0.6)
    fill = rng.uniform(0.45, 0.68)
    focal_mm = np.exp(rng.uniform(np.log(24), np.log(200)))
    camera = look_at(drawn, pitch, roll, focal_mm * FACE_WIDTH_M / (FILM_WIDTH_MM * fill), size, fill)
    shift = 0.05 * rng.normal(size=2) * size
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2, 2] += shift
    return Camera(intrinsics, camera.world_to_camera, size), np.array([drawn, pitch, roll])
