"""Photographs of animals' heads that do not exist, with what is known of each: landmarks, mask, species."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.rendering.rasterize import Fragments, project, rasterize
from maquette.synthesis.animals import fur
from maquette.synthesis.animals.coats import draw_coat
from maquette.synthesis.animals.face_paint import draw_face
from maquette.synthesis.animals.form import AnimalForm
from maquette.synthesis.animals.surface import L_MOUTH, NOSE, R_MOUTH, UPPER_LIP, SeenHead, over
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.sensor import encode

Rng = np.random.Generator
SHARES = (0.13, 0.40)  # of the picture's side that the eyes are apart, seen from the front
EYES_APART, EYES_DOWN = 0.29, 0.48  # of an aligned square's side: eyes apart seen from the front, and from its top
PORTRAIT = 0.8  # side of that square in a portrait's
GREY_ANIMAL = 0.14  # linear light of an animal, as the exposure of a portrait takes it to be
SEEN_WITHIN = 0.10  # eye distances that a landmark may lie behind what is seen there


@dataclass(frozen=True, eq=False)
class AnimalPhoto:
    """One picture and its truth.

    Attributes:
        image: (S, S, 3) uint8 sRGB, before a camera's faults.
        landmarks: (20, 2) float32 pixels.
        visible: (20,) bool: within the picture and not behind anything.
        mask: (S, S) uint8, 255 where the animal is.
        camera: (3, 4) float32: pixels times depth, and depth in eye distances, of the head's points (x, y, z, 1).
        species: cat, dog or wild.
    """

    image: NDArray
    landmarks: NDArray
    visible: NDArray
    mask: NDArray
    camera: NDArray
    species: str


@dataclass(frozen=True, eq=False)
class _HeadView:
    """How a head stands before the camera.

    Attributes:
        turn: (3, 3) from the head's frame to the camera's, y up.
        intrinsics, extrinsics: (3, 3), (4, 4) float32.
        scale: pixels of an eye distance.
    """

    turn: NDArray
    intrinsics: torch.Tensor
    extrinsics: torch.Tensor
    scale: float


@dataclass(frozen=True, eq=False)
class _Draws:
    """Where chance comes from, for each part of a picture.

    Attributes:
        coat: paint and fur. light, ground, before: of the light, of what is behind the animal and of what covers it.
        portrait: the coat is natural, nothing covers the animal, and the ground knows nothing of it.
    """

    coat: Rng
    light: Rng
    ground: Rng
    before: Rng
    portrait: bool = False


def photograph(form: AnimalForm, rng: Rng, side: int = 256) -> AnimalPhoto:
    """A picture of a head with a coat of its own, somewhere."""
    return _photograph(form, _view(form, rng, side), _Draws(rng, rng, rng, rng), side)


def portrait(form: AnimalForm, scene: int, coat: int, side: int = 128) -> AnimalPhoto:
    """A picture of a head in a scene that other animals can stand in too: the eyes, whatever the animal, are there.

    Args:
        scene: the seed of camera, pose, light and background.
        coat: the seed of paint and fur: the same form and coat are the same animal in any scene.
        side: pixels; the middle four fifths are what networks see, eyes apart 0.29 of these.
    """
    view, light, ground, before = np.random.default_rng([scene, 0]).spawn(4)
    draws = _Draws(np.random.default_rng([coat, 1]), light, ground, before, portrait=True)
    return _photograph(form, _portrait_view(view, side), draws, side)


def _photograph(form: AnimalForm, view: _HeadView, draws: _Draws, side: int) -> AnimalPhoto:
    vertices = torch.from_numpy(np.asarray(form.vertices, np.float32))
    faces = torch.from_numpy(np.asarray(form.faces, np.int64))
    seen = rasterize(project(vertices, view.intrinsics, view.extrinsics), faces, (side, side))
    normals = torch.from_numpy(vertex_normals(form.vertices, form.faces).astype(np.float32))
    place, normal = (seen.interpolate(values, faces).numpy() for values in (vertices, normals))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
    head = SeenHead(place, normal, form, draws.portrait)
    points = project(torch.from_numpy(head.marks), view.intrinsics, view.extrinsics).numpy()
    radiance, mask = _dressed(head, seen, view, draws)
    if draws.coat.random() < 0.7:
        pads = head.marks[[R_MOUTH, L_MOUTH]] * 0.5 + head.marks[[NOSE, UPPER_LIP]].mean(axis=0) * 0.5
        at = project(torch.from_numpy(pads.astype(np.float32)), view.intrinsics, view.extrinsics).numpy()
        radiance = fur.whiskers(radiance, at[:, :2], view.scale, draws.coat)
    radiance = over_background(radiance, mask, draws.ground, own=not draws.portrait)
    covered = np.zeros((side, side), bool)
    if not draws.portrait:
        radiance, covered = _occluded(radiance, draws.before)
    radiance = radiance * _shadow(side, draws.before)
    inside = (points[:, :2] > 0).all(axis=1) & (points[:, :2] < side).all(axis=1)
    cell = np.clip(points[:, :2].astype(int), 0, side - 1)
    near = seen.depth.numpy()[cell[:, 1], cell[:, 0]]
    visible = inside & (points[:, 2] < near + SEEN_WITHIN) & ~covered[cell[:, 1], cell[:, 0]]
    # Where animals share a scene, the exposure is that of the ground: it is the same before and behind each of them.
    mean = 0.5 * (GREY_ANIMAL + float(radiance[mask < 0.5].mean())) if draws.portrait else float(radiance.mean())
    image = encode(radiance * (0.30 / max(mean, 0.05)) ** 0.5)
    camera = (view.intrinsics @ view.extrinsics[:3]).numpy()
    drawn = (mask * 255).astype(np.uint8)
    return AnimalPhoto(image, np.ascontiguousarray(points[:, :2], np.float32), visible, drawn, camera, form.species)


def _view(form: AnimalForm, rng: Rng, side: int) -> _HeadView:
    yaw = np.clip(rng.normal() * np.radians(24), *np.radians((-65, 65)))
    pitch, roll = rng.normal() * np.radians(13), rng.normal() * np.radians(11)
    turn = Rotation.from_euler("zxy", [roll, pitch, yaw]).as_matrix()
    share = np.exp(rng.uniform(*np.log(SHARES)))
    distance = np.exp(rng.uniform(np.log(7), np.log(40)))
    focal = share * side * distance
    flip = np.diag([1.0, -1.0, -1.0])  # to OpenCV's axes
    middle = turn @ (0.5 * form.marks[NOSE])
    extrinsics = np.eye(4, dtype=np.float32)
    extrinsics[:3, :3] = flip @ turn
    extrinsics[:3, 3] = [0, 0, distance]
    loose = np.clip(0.30 / share, 0.6, 2.0)  # small heads may stand anywhere
    centre = side * (0.5 + rng.normal(size=2) * 0.05 * loose) - share * side * middle[:2] * [1, -1]
    intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1] - 0.02 * side], [0, 0, 1]], np.float32)
    return _HeadView(turn, torch.from_numpy(intrinsics), torch.from_numpy(extrinsics), float(share * side))


def _portrait_view(rng: Rng, side: int) -> _HeadView:
    """A head that is cut as aligned photos are: nearly upright, eyes at their place, with what cutting leaves."""
    yaw = np.clip(rng.normal() * np.radians(18), *np.radians((-45, 45)))
    turn = Rotation.from_euler("zxy", [*(rng.normal(size=2) * np.radians((4, 10))), yaw]).as_matrix()
    distance = np.exp(rng.uniform(np.log(7), np.log(40)))
    apart = side * EYES_APART * PORTRAIT * np.exp(0.06 * rng.normal())
    extrinsics = np.eye(4, dtype=np.float32)
    extrinsics[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn
    extrinsics[:3, 3] = [0, 0, distance]
    x, y = side * (0.5 + 0.015 * rng.normal(size=2) + [0, (EYES_DOWN - 0.5) * PORTRAIT])
    intrinsics = np.array([[apart * distance, 0, x], [0, apart * distance, y], [0, 0, 1]], np.float32)
    return _HeadView(turn, torch.from_numpy(intrinsics), torch.from_numpy(extrinsics), float(apart))


def _dressed(head: SeenHead, seen: Fragments, view: _HeadView, draws: _Draws) -> tuple[NDArray, NDArray]:
    """Radiance (S, S, 3) and share (S, S) of the animal, with light, fur and a ruffled outline."""
    rng = draws.coat
    paint = draw_face(head, draw_coat(head, rng), rng)
    hit = seen.hit.numpy()
    side = len(hit)
    light, bare = _light(head, paint.fur, view.turn, draws.light)
    layers = np.zeros((side, side, 6), np.float32)  # colour, fur, whole, nothing of the outline
    layers[hit, :3], layers[hit, 3], layers[hit, 4] = paint.albedo * light, paint.fur, 1
    glow = np.zeros((side, side, 3), np.float32)
    glow[hit] = paint.glow + bare[:, None]
    field = np.zeros((side, side, 2), np.float32)
    field[hit] = (fur.flow(head.place, head.normal, head.marks[NOSE], rng) @ view.turn.T)[:, :2] * [1, -1]
    field = fur.spread(field, hit, 0.12 * view.scale + 2)
    layers[..., :3] = _bled(layers[..., :3], hit)
    length = np.exp(rng.uniform(np.log(0.01), np.log(0.16))) * view.scale
    furry = cv2.GaussianBlur(np.where(hit, layers[..., 3], 1.0).astype(np.float32), (0, 0), max(0.03 * view.scale, 0.5))
    layers = fur.ruffled(layers, field, np.clip(2 * furry - 1, 0, 1), length, rng)
    mask = cv2.GaussianBlur(layers[..., 4], (0, 0), 0.7)
    strength = rng.uniform(0.0, 0.35)
    grain = fur.strands(field, rng.uniform(1, 4) * length + 2, rng.uniform(0.5, 1.6), rng)
    grain = grain + rng.uniform(0, 0.8) * fur.strands(field, 5 * length + 4, rng.uniform(2, 5), rng)
    colour = layers[..., :3] * np.exp(strength * grain * layers[..., 3])[..., None]
    return np.clip(colour + glow, 0.001, 6).astype(np.float32), mask


def _bled(colour: NDArray, hit: NDArray) -> NDArray:
    """Colours (S, S, 3) continued beyond the outline, where tufts may reach."""
    known = hit.astype(np.float32)
    around = cv2.GaussianBlur(colour, (0, 0), 5)
    weight = cv2.GaussianBlur(known, (0, 0), 5)
    return np.where(hit[..., None], colour, around / np.maximum(weight, 1e-3)[..., None]).astype(np.float32)


def _light(head: SeenHead, furry: NDArray, turn: NDArray, rng: Rng) -> tuple[NDArray, NDArray]:
    """(N, 3) light on each point and (N,) highlights: a key, a sky and, at times, light from behind."""
    normal = head.normal @ turn.T.astype(np.float32)
    key = rng.normal(size=3) * [0.8, 0.6, 0.4] + [0, 0.5, 0.7]
    key /= np.linalg.norm(key)
    wrap = rng.uniform(0.1, 0.6)
    facing = np.clip((normal @ key + wrap) / (1 + wrap), 0, 1)
    warm = np.exp(rng.normal(size=3) * [0.12, 0.04, 0.12])
    sky = (0.5 + 0.5 * normal[:, 1]) * rng.uniform(0.15, 0.6) + rng.uniform(0.08, 0.4)
    light = facing[:, None] * warm * rng.uniform(0.5, 1.6) + sky[:, None] * np.exp(rng.normal(size=3) * 0.06)
    hollow = np.exp(-0.8 * rng.uniform(0, 1) * np.clip(-head.place[:, 2] - 0.8, 0, 2))  # darker far behind the face
    rim = np.clip(1 - np.abs(normal[:, 2]), 0, 1) ** 3 * (rng.uniform(0, 1.2) if rng.random() < 0.25 else 0)
    half = key + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    gloss = np.clip(normal @ half, 0, 1) ** rng.uniform(8, 40) * rng.uniform(0, 0.06) * (0.3 + furry)
    return (light * hollow[:, None] + rim[:, None]).astype(np.float32), gloss.astype(np.float32)


def over_background(radiance: NDArray, mask: NDArray, rng: Rng, own: bool = True) -> NDArray:
    """The animal before something: a drawn scene, leaves, or hardly anything."""
    side = len(mask)
    scene = draw_background(rng, (side, side))
    if rng.random() < 0.25:  # fur, leaves, gravel
        grain: NDArray = rng.normal(size=(side, side)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=float(rng.uniform(0.5, 3)), sigmaY=float(rng.uniform(0.5, 6)))
        scene = scene * np.exp(rng.uniform(0.2, 0.9) * grain / grain.std())[..., None]
    if own and rng.random() < 0.2:  # of the animal's own colours
        colour = (radiance * mask[..., None]).sum(axis=(0, 1)) / max(float(mask.sum()), 1.0)
        scene = scene / max(float(scene.mean()), 1e-3) * colour
    return over(scene.reshape(-1, 3), mask.ravel(), radiance.reshape(-1, 3)).reshape(side, side, 3).astype(np.float32)


def _occluded(radiance: NDArray, rng: Rng) -> tuple[NDArray, NDArray]:
    """Blades of grass or something flat before the animal, at times; and (S, S) bool where."""
    side = len(radiance)
    layer = np.zeros((side, side), np.uint8)
    chance = rng.random()
    if chance < 0.12:
        for _ in range(rng.integers(2, 14)):
            foot, lean = rng.uniform(0, side), rng.normal() * 0.25 * side
            high = rng.uniform(0.2, 0.9) * side
            points = np.array([[foot, side], [foot + 0.3 * lean, side - 0.5 * high], [foot + lean, side - high]])
            cv2.polylines(layer, [points.astype(np.int32)], False, (255,), int(rng.integers(1, 5)), cv2.LINE_AA)
        colour = np.array([0.12, 0.3, 0.04]) * np.exp(0.4 * rng.normal(size=3))
    elif chance < 0.2:
        centre, size = rng.uniform(0, side, 2), rng.uniform(0.05, 0.25, 2) * side
        box = ((float(centre[0]), float(centre[1])), (float(size[0]), float(size[1])), float(rng.uniform(0, 180)))
        cv2.fillConvexPoly(layer, cv2.boxPoints(box).astype(np.int32), (255,), cv2.LINE_AA)
        colour = rng.beta(1.2, 3, 3)
    else:
        return radiance, layer > 0
    share = (layer / 255.0)[..., None]
    return (radiance + share * (colour - radiance)).astype(np.float32), layer > 127


def _shadow(side: int, rng: Rng) -> NDArray:
    """(side, side, 1) float32 of uneven light: soft patches, or a hard-edged shadow across the picture."""
    chance = rng.random()
    if chance < 0.5:
        return np.ones((1, 1, 1), np.float32)
    if chance < 0.8:
        coarse = np.exp(rng.uniform(0.1, 0.5) * rng.normal(size=(3, 3))).astype(np.float32)
        return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0.15, 4)[..., None]
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(0.005, 0.06)
    across = x * np.cos(angle) + y * np.sin(angle) + 0.1 * np.sin(rng.uniform(2, 9) * y) - rng.normal() * 0.2
    dark = rng.uniform(0.2, 0.7)
    return (dark + (1 - dark) / (1 + np.exp(-np.clip(across / edge, -30, 30))))[..., None].astype(np.float32)
