"""Persons from head to foot as examples to learn a pixel-aligned surface from: what the network sees, and the answers.

Everything is in normalised coordinates (NDC) of a square orthographic crop: x right, y up, z toward the viewer,
one unit is half the side of the crop on every axis, z = 0 at the pelvis of the fitted body (Saito et al. 2020, section
3; the body as condition as in Zheng et al. 2021, PaMIR).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.mesh import face_areas
from maquette.geometry.rendering.sides import coded, sides
from maquette.geometry.surfaces.distance import winding_ahead
from maquette.perception.people.schemes import SCHEMES
from maquette.synthesis.anatomy.anny import load_body
from maquette.synthesis.clothing.patterns import EXTENT_M
from maquette.synthesis.datasets.fitted_body import SimulatedFit, fit
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.light import draw_light
from maquette.synthesis.rendering.render import render
from maquette.synthesis.rendering.segmentation import ENDS, degrade_mask
from maquette.synthesis.rendering.sensor import develop, draw_sensor
from maquette.synthesis.scenes.person_sample import draw_axes
from maquette.synthesis.scenes.person_scene import PersonScene, draw_person_scene
from maquette.synthesis.types import SceneSurface

FILL = 1 / 1.3  # share of the crop that the person takes, as a crop about key points gives
SCALE, SHIFT, CUT = (0.85, 1.1), 0.05, 0.1  # jitter of the crop; share of people whom its edge cuts
POINTS, UNIFORM = 6528, 384  # near the surface 16 to 1 anywhere
SPREADS_M = (0.05, 0.015)  # of the points near the surface, half each
FARTHEST = 0.15  # NDC: signed distances are clamped to it
BODY_VERTICES = 3000
STAND = 8.0  # NDC units from the pelvis to the camera
SUPERSAMPLE = 2


@dataclass(frozen=True, eq=False)
class OrthographicCrop:
    """A square orthographic crop.

    Attributes:
        axes: (3, 3) rows right, down, forward, world. centre: (3,) world, metres. half: metres per NDC unit.
    """

    axes: NDArray
    centre: NDArray
    half: float

    def ndc(self, points: NDArray) -> NDArray:
        """(N, 3) of world points (N, 3) metres."""
        return (points - self.centre) @ (self.axes * [[1.0], [-1], [-1]]).T / self.half

    def world(self, points: NDArray) -> NDArray:
        """(N, 3) metres of points (N, 3) in NDC."""
        return points @ (self.axes * [[1.0], [-1], [-1]]) * self.half + self.centre

    def camera(self, size: int) -> Camera:
        """The camera of a picture of this side, pixels; depth in metres, the pelvis at STAND * half."""
        scale = size / 2 / self.half
        pose = np.eye(4)
        pose[:3, :3] = self.axes
        pose[:3, 3] = -self.axes @ self.centre + [0, 0, STAND * self.half]
        return Camera(
            np.array([[scale, 0, size / 2], [0, scale, size / 2], [0, 0, 1.0]]), pose, (size, size), "orthographic"
        )


def draw_example(seed: tuple[int, ...], size: int = 256) -> dict[str, NDArray]:
    """One example; the same for the same seed.

    Returns:
        image (S, S, 3) uint8 sRGB; mask, mask_seen (S, S) uint8, 255 inside: the true one and a segmenter's.
        normals_front, normals_back (S, S, 3) int8 = 127 * unit normal in camera axes right, up, toward the viewer; of
            what the camera sees and of the last surface behind the same pixel (its z is negative); 0 off the person.
        depth_front, depth_back (S, S) float16 NDC z; 0 off the person.
        body_normals_front ... body_depth_back: the same of the fitted body, whose mask is depth_front's normals != 0.
        body_vertices (BODY_VERTICES, 3) float16 NDC, spread over the fitted body's surface.
        points (POINTS, 3) float16 NDC, inside (POINTS,) uint8, distance (POINTS,) float16: NDC, to the fitted body,
            negative inside it, within +-FARTHEST.
        exact () uint8: the fitted body is the true one; half () float32 metres per NDC unit; yaw () float32 degrees.
        keypoints (33, 3) float16 NDC, MediaPipe's order; seed (3,) int32.
    """
    rng = np.random.default_rng(seed)
    scene = draw_person_scene(rng)
    axes, pose = draw_axes(rng)
    body = fit(scene, axes, rng)
    crop = _draw_crop(scene, body, axes, rng)
    picture, views = _photograph(scene, crop, size, rng)
    dressed, naked = crop.ndc(scene.vertices), crop.ndc(body.vertices)
    points = _draw_points(dressed, scene.faces, crop.half, rng).astype(np.float64)
    distance = np.minimum(body.distance(crop.world(points), rng) / crop.half, FARTHEST)
    distance = np.where(winding_ahead(naked, body.faces, points) > 0, -distance, distance)
    views |= sides(dressed, scene.faces, size, ("back",))
    views |= {f"body_{k}": v for k, v in sides(naked, body.faces, size).items()}
    mask = np.asarray(views["normals_front"].any(axis=2))
    keypoints = crop.ndc(scene.keypoints["mediapipe33"].astype(float))
    at = dict(zip(SCHEMES["mediapipe33"], keypoints))
    ends = np.array([((at[n][:2] * [1, -1]) + 1) * size / 2 for n in ENDS])
    return {
        "image": picture,
        "mask": np.where(mask, 255, 0).astype(np.uint8),
        "mask_seen": degrade_mask(mask, ends, rng),
        **views,
        "body_vertices": naked[even_vertices()].astype(np.float16),
        "points": points.astype(np.float16),
        "inside": (winding_ahead(dressed, scene.faces, points) > 0).astype(np.uint8),
        "distance": distance.astype(np.float16),
        "exact": np.asarray(body.exact, np.uint8),
        "half": np.asarray(crop.half, np.float32),
        "yaw": np.asarray(np.degrees(pose[0]), np.float32),
        "keypoints": keypoints.astype(np.float16),
        "seed": np.array((*seed, 0, 0)[:3], np.int32),
    }


@lru_cache(maxsize=1)
def even_vertices() -> NDArray:
    """(BODY_VERTICES,) int64 vertices of the body's skin, always the same, about as many on each piece of its area."""
    body = load_body()
    skin = body.faces[: body.skin_faces]
    area = np.bincount(skin.ravel(), np.repeat(face_areas(body.template.astype(float), skin), 3), len(body.template))
    chosen = np.random.default_rng(0).choice(len(area), BODY_VERTICES, replace=False, p=area / area.sum())
    return np.sort(chosen)


def _draw_crop(scene: PersonScene, body: SimulatedFit, axes: NDArray, rng: np.random.Generator) -> OrthographicCrop:
    """About the person as a crop rule finds it, with jitter; one in ten loses part of the person."""
    flat = scene.vertices @ axes.T
    low, high = flat.min(axis=0), flat.max(axis=0)
    half = float((high - low)[:2].max()) / FILL / 2 / rng.uniform(*SCALE)
    middle = (low + high) / 2
    middle[:2] += rng.uniform(-SHIFT, SHIFT, 2) * 2 * half
    if rng.random() < CUT:
        half *= rng.uniform(0.5, 0.8)
        middle[:2] += rng.uniform(-0.35, 0.35, 2) * half
        middle[1] -= rng.uniform(0, 0.5) * half  # feet are lost more often than heads
    middle[2] = axes[2] @ body.pelvis
    return OrthographicCrop(axes, middle @ axes, half)


def _draw_points(vertices: NDArray, faces: NDArray, half: float, rng: np.random.Generator) -> NDArray:
    """(POINTS, 3) float16 NDC in the cube: near the surface, seen or not, and anywhere."""
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    near = POINTS - UNIFORM
    within = (np.abs(corners.mean(axis=1)) < 1).all(axis=1) * area
    chosen = corners[rng.choice(len(area), near, p=within / within.sum())]
    first, second = np.sqrt(rng.random((near, 1))), rng.random((near, 1))
    surface = (1 - first) * chosen[:, 0] + first * (1 - second) * chosen[:, 1] + first * second * chosen[:, 2]
    spread = np.where(np.arange(near) % 2 == 0, *SPREADS_M)[:, None] / half
    surface = np.clip(surface + spread * rng.normal(size=(near, 3)), -1, 1)
    points = np.concatenate([surface, rng.uniform(-1, 1, (UNIFORM, 3))])
    return points[rng.permutation(POINTS)].astype(np.float16)


def _photograph(
    scene: PersonScene, crop: OrthographicCrop, size: int, rng: np.random.Generator
) -> tuple[NDArray, dict[str, NDArray]]:
    """The picture, and normals_front and depth_front as `geometry.rendering.sides.sides` gives them."""
    fine = size * SUPERSAMPLE
    light = draw_light(rng, -crop.axes[2])
    pixel = 2 * crop.half / fine
    seen = render([_filtered(s, pixel) for s in scene.surfaces], [], crop.camera(fine), light)
    radiance, coverage = (
        cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA) for x in (seen.radiance, seen.coverage)
    )
    radiance = radiance + (1 - coverage[..., None]) * draw_background(rng, (size, size))
    sensor = draw_sensor(rng, size)
    sensor = replace(
        sensor,
        exposure=float(np.clip(sensor.exposure, -1.2, 1.2)),
        gain=float(min(sensor.gain, 10)),
        defocus=min(sensor.defocus, 1.2),
        motion=(min(sensor.motion[0], 4.0), sensor.motion[1]),
        shrink=min(sensor.shrink, 2.2),
    )
    nearest = slice(SUPERSAMPLE // 2, None, SUPERSAMPLE)
    depth = seen.depth[nearest, nearest]
    row, column = np.nonzero(seen.kind[nearest, nearest])
    normals = seen.normals[nearest, nearest][row, column] @ (crop.axes * [[1.0], [-1], [-1]]).T
    views = coded("front", (row, column), normals, STAND - depth[row, column] / crop.half, size)
    return develop(radiance, coverage > 0.5, sensor, rng), views


def _filtered(surface: SceneSurface, pixel: float) -> SceneSurface:
    """Cloth whose texture and folds are blurred to what a pixel (metres) can show, so that they do not flicker."""
    if surface.albedo.ndim != 3 or surface.displacement is None:
        return surface
    blur = 0.45 * pixel / (EXTENT_M / len(surface.albedo))
    if blur < 0.3:
        return surface
    pad = int(4 * blur) + 1
    sheet = np.dstack([surface.albedo, surface.displacement])
    sheet = cv2.GaussianBlur(np.pad(sheet, ((pad, pad), (pad, pad), (0, 0)), mode="wrap"), (0, 0), blur)[
        pad:-pad, pad:-pad
    ]
    return replace(surface, albedo=sheet[..., :3], displacement=sheet[..., 3])
