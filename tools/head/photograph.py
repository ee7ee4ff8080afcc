"""Photographs of heads that do not exist, for calibration: painted texture, random light, known camera."""

from __future__ import annotations

import cv2
import numpy as np

from maquette.core.types import Camera
from maquette.morphable import MorphableModel

EYE_CHARTS = ((0.062, 0.060, 0.055), (0.188, 0.060, 0.055))
IRIS_ANGLE = np.arcsin(5.85 / 16.0)  # iris radius over the model's eyeball radius, mm


def paint(model: MorphableModel, rng: np.random.Generator, size: int = 512) -> np.ndarray:
    """(S, S, 3) uint8 texture: skin tone, lips, brows, nostrils, iris; a rough sketch that the detector accepts."""
    tone = np.array([[236, 200, 176], [214, 166, 136], [168, 118, 86], [110, 72, 50], [70, 45, 34]], float)
    where = rng.uniform(0, 4)
    skin = np.array([np.interp(where, np.arange(5), tone[:, k]) for k in range(3)])
    lips = np.clip(skin * [0.85, 0.55, 0.55], 0, 255)
    hair = np.clip(skin * rng.uniform(0.15, 0.6), 0, 255)
    color = np.tile(skin, (len(model.mean), 1)) * (1 + 0.03 * rng.normal(size=(len(model.mean), 1)))
    has_brows = rng.random() < 0.8
    layers = [
        ("lips", lips, rng.uniform(0.3, 0.9)),
        ("nostrils", skin * 0.25, 0.8),
        ("brows", hair, rng.uniform(0.5, 1) * has_brows),
    ]
    for region, paint_color, strength in layers:
        mask = np.clip(model.regions[region] * 1.2, 0, 1)[:, None] * strength
        color = color * (1 - mask) + paint_color * mask
    white = [235, 232, 228]
    inner = {"mouth": skin * 0.3, "teeth": [225, 220, 205], "tongue": [170, 80, 80]}
    inner |= {"eyeLeft": white, "eyeRight": white}
    for part, flat in inner.items():
        inside = np.setdiff1d(model.part_vertices(part), model.part_vertices("skin"))
        color[inside] = flat
    sharp = np.zeros((size, size, 3), np.uint8)
    points = (model.uvs * [size, -size] + [0, size]) * 16
    face_color = color[model.faces].mean(axis=1)
    for corners, c in zip(points[model.uv_faces].astype(np.int32), face_color):
        cv2.fillConvexPoly(sharp, corners, c.tolist(), shift=4)
    texture = cv2.GaussianBlur(sharp, (0, 0), size / 400)
    irises = np.array([[120, 85, 50], [60, 90, 120], [70, 100, 70], [60, 40, 25]], float)
    iris = irises[rng.integers(4)] * rng.uniform(0.6, 1.1)
    for u, v, radius in EYE_CHARTS:
        centre = (int(u * size * 16), int((1 - v) * size * 16))
        for angle, c in ((IRIS_ANGLE, iris), (IRIS_ANGLE * 0.42, [10, 10, 12])):
            reach = int(radius * (angle / np.pi) ** 0.6 * size * 16)
            cv2.circle(texture, centre, reach, np.clip(c, 0, 255).tolist(), -1, cv2.LINE_AA, 4)
    return texture


class Studio:
    """One off-screen window for many photographs."""

    def __init__(self, model: MorphableModel, size: int) -> None:
        import pyvista as pv  # type: ignore[import-not-found]  # only this tool needs it: pip install pyvista
        import vtk  # type: ignore[import-untyped]  # publishes no types

        vtk.vtkObject.GlobalWarningDisplayOff()
        self.pv, self.model, self.size = pv, model, size
        self.plotter = pv.Plotter(off_screen=True, window_size=(size, size), lighting="none")
        self.cloud = pv.PolyData.from_regular_faces(np.asarray(model.mean, float), model.faces)
        self.cloud.active_texture_coordinates = model.uvs.astype(float)
        self.actor = None

    def shoot(self, vertices: np.ndarray, texture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
        """(S, S, 3) uint8 photograph with random lights and background."""
        pv, p = self.pv, self.plotter
        self.cloud.points = np.asarray(vertices, float)
        self.cloud.compute_normals(cell_normals=False, split_vertices=False, inplace=True)
        if self.actor is not None:
            p.remove_actor(self.actor)
        self.actor = p.add_mesh(
            self.cloud,
            texture=pv.Texture(texture),
            smooth_shading=True,
            specular=rng.uniform(0, 0.3),
            ambient=rng.uniform(0.1, 0.4),
        )
        p.remove_all_lights()
        view = -camera.world_to_camera[2, :3]
        for strength in (0.8, rng.uniform(0, 0.5), rng.uniform(0, 0.3)):
            direction = view + rng.normal(size=3) * 0.8
            light = pv.Light(tuple(direction), (0, 0, 0), light_type="scene light", intensity=strength)
            p.add_light(light)
        p.background_color = [float(x) for x in np.clip(rng.uniform(0.1, 0.95) + 0.1 * rng.normal(size=3), 0, 1)]
        centre = -camera.world_to_camera[:3, :3].T @ camera.world_to_camera[:3, 3]
        p.camera.position, p.camera.focal_point = centre, centre + camera.world_to_camera[2, :3]
        p.camera.up = -camera.world_to_camera[1, :3]
        p.camera.view_angle = np.degrees(2 * np.arctan(self.size / 2 / camera.intrinsics[1, 1]))
        p.camera.clipping_range = (0.05, 20.0)
        p.render()  # screenshot alone would show the camera before this one
        return np.ascontiguousarray(p.screenshot(None, return_img=True))


def random_expression(names: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """(E,) a plausible face: half of them neutral, else a few units, left and right mostly together."""
    weights = dict.fromkeys(names, 0.0)
    count = 0 if rng.random() < 0.25 else rng.integers(1, 6)
    for name in rng.choice(names, count, replace=False):
        root = name.removesuffix("Left").removesuffix("Right")
        value = rng.beta(1.2, 1.8)
        for twin in (root, root + "Left", root + "Right"):
            if twin in weights:
                weights[twin] = value * (rng.uniform(0.8, 1) if rng.random() < 0.85 else rng.uniform(0, 1))
    if rng.random() < 0.3:
        for twin in ("mouthSmileLeft", "mouthSmileRight"):
            weights[twin] = max(weights[twin], rng.uniform(0.2, 0.9))
    if rng.random() < 0.25:
        weights["jawOpen"] = max(weights["jawOpen"], rng.beta(1.2, 3))
    weights["tongueOut"] = 0.0
    return np.array([weights[n] for n in names])
