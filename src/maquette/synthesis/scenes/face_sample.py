"""One labelled photograph, by seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.camera import project, resized
from maquette.geometry.mesh import boundary_loops
from maquette.geometry.surfaces.distance import winding
from maquette.morphable import MorphableModel
from maquette.synthesis.anatomy.expression import draw_expression
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.light import Light, draw_light
from maquette.synthesis.rendering.render import Rendering, render
from maquette.synthesis.rendering.sensor import Sensor, develop, draw_sensor
from maquette.synthesis.rendering.viewpoint import draw_view, framed
from maquette.synthesis.scenes.head_scene import SyntheticPerson, dress, face_kinds, head_model, head_occlusion
from maquette.synthesis.types import Kind

SCHEMES = ("mediapipe478", "ibug68")
HIDDEN_BY_M = 0.006  # a landmark is visible when nothing is nearer by more than this


@dataclass(frozen=True, eq=False)
class FaceSample:
    """A photograph of somebody who does not exist, and everything that is known about it.

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        camera: in pixels of the image; world_to_camera in the canonical world frame, metres.
        pose: (3,) yaw, pitch, roll of the head against the camera, radians.
        person: identity, skin maps (albedo, displacement in metres, roughness), hair.
        expression: (52,) float32 weights in 0-1.
        vertices: (V, 3) float32 metres, the head with expression.
        landmarks: scheme -> (N, 3) float64: pixels x, y and metres of depth.
        visible: scheme -> (N,) bool: inside the image and not hidden.
        kind: (H, W) uint8, values of `Kind`.
        depth: (H, W) float32 metres; inf on the background.
        normals: (H, W, 3) float32 unit, world; 0 on the background.
        uv: (H, W, 2) float32 charts of the head model, v up; nan outside the head.
        light: what lit it. sensor: what took it.
    """

    image: NDArray
    camera: Camera
    pose: NDArray
    person: SyntheticPerson
    expression: NDArray
    vertices: NDArray
    landmarks: dict[str, NDArray]
    visible: dict[str, NDArray]
    kind: NDArray
    depth: NDArray
    normals: NDArray
    uv: NDArray
    light: Light
    sensor: Sensor

    def inside(self, points: NDArray) -> NDArray:
        """(N,) bool: whether points (N, 3), metres, lie in the head, whose neck, eyes and mouth are closed flat.

        Occupancy is computed where it is wanted and never stored.
        """
        faces = _closed_faces()
        centres = [self.vertices[loop].mean(axis=0) for loop in _loops()]
        return winding(np.concatenate([self.vertices, centres]), faces, np.asarray(points, np.float32)) > 0


@dataclass(frozen=True)
class Overrides:
    """What is fixed instead of drawn; None draws it.

    Attributes:
        yaw: radians, positive shows the subject's left side.
        sensor: how the photograph is taken.
        frame: takes only a part of what the camera sees: from the landmarks "mediapipe478" (478, 3) to a similarity
            (2, 3) from the pixels of the whole to those of the picture.
    """

    yaw: float | None = None
    sensor: Sensor | None = None
    frame: Callable[[NDArray], NDArray] | None = None


def photograph_face(
    person: SyntheticPerson,
    seed: tuple[int, ...],
    size: int = 256,
    supersample: int = 1,
    device: str = "cpu",
    overrides: Overrides = Overrides(),
) -> FaceSample:
    """Take one photograph.

    Args:
        person: see `draw_person`.
        seed: of expression, camera, light, background, things and sensor.
        size: side of the square image, pixels.
        supersample: renders at this many times the size; 2 gives smooth outlines, at four times the pixels.
        device: where the renderer computes.
        overrides: what is not left to chance; all else is as without it.
    """
    rng = np.random.default_rng(seed)
    model = head_model()
    expression = draw_expression(model.expression_names, rng)
    vertices = model.vertices(person.identity.coefficients, expression, person.identity.scale)
    camera, pose = draw_view(rng, (size, size), overrides.yaw)
    places = {s: model.embeddings[s].points(vertices, model.faces) for s in SCHEMES}
    if overrides.frame is not None:
        matrix = overrides.frame(_landmarks(places["mediapipe478"], camera))
        camera = framed(camera, matrix, (size, size))
    light = draw_light(rng, -camera.world_to_camera[2, :3])
    # Shoulders mostly turn part of the way to the camera.
    turned = -rng.uniform(0, 0.6) * pose[0] + 0.25 * rng.normal()
    turn = (float(np.clip(turned, -0.8, 0.8)), 0.12 * rng.normal(), 0.08 * rng.normal())
    surfaces, strands = dress(person, vertices, turn, rng)
    fine = resized(camera, (size * supersample,) * 2)
    picture = render(surfaces, strands, fine, light, head_occlusion(), device)
    sensor = draw_sensor(rng, size)
    sensor = overrides.sensor or sensor
    image, labels = _taken(picture, draw_background(rng, (size, size)), sensor, size, rng)
    landmarks = {s: _landmarks(points, camera) for s, points in places.items()}
    visible = {s: _visible(points, labels["depth"]) for s, points in landmarks.items()}
    return FaceSample(
        image, camera, pose, person, expression, vertices, landmarks, visible, light=light, sensor=sensor, **labels
    )


def _taken(
    picture: Rendering, background: NDArray, sensor: Sensor, size: int, rng: np.random.Generator
) -> tuple[NDArray, dict[str, NDArray]]:
    """The image, and the label maps at its size."""
    kind = picture.kind.copy()
    head = picture.face >= 0
    kind[head] = face_kinds()[picture.face[head]]
    radiance, coverage = picture.radiance, picture.coverage[..., None]
    step = len(kind) // size
    if step > 1:
        radiance = cv2.resize(radiance, (size, size), interpolation=cv2.INTER_AREA)
        coverage = cv2.resize(coverage, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    nearest = slice(step // 2, None, step)
    labels = {name: getattr(picture, name)[nearest, nearest] for name in ("depth", "normals", "uv")}
    labels["kind"] = kind[nearest, nearest]
    subject = np.isin(labels["kind"], (Kind.SKIN, Kind.HAIR, Kind.BEARD, Kind.BROWS))
    return develop(radiance + (1 - coverage) * background, subject, sensor, rng), labels


def _landmarks(points: NDArray, camera: Camera) -> NDArray:
    pixels, depth = project(camera, points.astype(np.float64))
    return np.concatenate([pixels, depth[:, None]], axis=1)


def _visible(landmarks: NDArray, depth: NDArray) -> NDArray:
    height, width = depth.shape
    column, row = np.floor(landmarks[:, 0]).astype(int), np.floor(landmarks[:, 1]).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = depth[row.clip(0, height - 1), column.clip(0, width - 1)]
    return inside & (landmarks[:, 2] < seen + HIDDEN_BY_M)


@lru_cache(maxsize=1)
def _loops() -> list[NDArray]:
    model = head_model()
    return boundary_loops(_outer_faces(model))


def _outer_faces(model: MorphableModel) -> NDArray:
    return model.faces[np.sort(np.concatenate([model.parts["skin"], model.parts["mouth"]]))]


@lru_cache(maxsize=1)
def _closed_faces() -> NDArray:
    """(F, 3) skin and mouth, with a fan over each boundary loop; the fan's centres follow the vertices."""
    model = head_model()
    fans = []
    for k, loop in enumerate(_loops()):
        centre = np.full(len(loop), len(model.mean) + k)
        fans.append(np.stack([np.roll(loop, -1), loop, centre], axis=1))
    return np.concatenate([_outer_faces(model), *fans]).astype(np.int32)
