"""From one photo to texels: where each texel lies in the photo, whether the photo shows it, and its colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.perception.faces import topology
from maquette.texturing.head.layers import Layers
from maquette.texturing.head.tones import Tones, learn, likeness
from maquette.texturing.head.trust import believable
from maquette.texturing.projection import (
    HEAD,
    MOUTH,
    sampled,
    squareness,
    toward_camera,
    unhidden,
    within_picture,
)
from maquette.texturing.pyramid import blurred, enlarged, picked, smoothstep

FEATHER = 0.018  # of the texture's width: fading towards what another part of the head hides
SMALLEST_ISLAND = 0.008  # of the chart's area
THINNEST_STRIP = 0.008  # of the texture's width, half across
MASK_MARGIN = 0.09  # of the distance between the irises: the rim of the person's mask that is not believed
LIP_MARGIN = 0.02  # of the distance between the irises: lips that near to a gap between them are not believed
LARGEST_ENLARGEMENT = 3.0


@dataclass(frozen=True, eq=False)
class Baked:
    """One photo brought to the texture.

    Attributes:
        colour: (H, W, 3) uint8, every texel, whether seen or not, rows of the skin chart at full size.
        coarse: (h, w, 3) float32, the same at the coarse size.
        trust: (h, w) float32 0-1: how far the texel is seen.
        hair: (h, w) float32 0-1: how far it shows hair, where trusted.
        bare: (h, w) float32 0-1: how far it shows skin.
        tones: skin and hair as the photo shows them, None where it shows no skin.
    """

    colour: NDArray
    coarse: NDArray
    trust: NDArray
    hair: NDArray
    bare: NDArray
    tones: Tones | None


def bake(
    observation: Observation, camera: Camera, vertices: NDArray, layers: Layers, rays: RayCaster | None = None
) -> Baked:
    """Bring one photo to the texture.

    Args:
        observation: crop, person and skin masks, landmarks.
        camera: for the crop's pixels.
        vertices: (V, 3), metres, as they are in this photo.
        layers: of the model.
        rays: of these vertices, if they are there already.
    """
    rays = rays or RayCaster(vertices, layers.model.faces)
    pixels = project(camera, vertices.astype(float))[0]
    place = layers.place.spread(pixels)
    coarse_place = layers.skin.spread(pixels)
    photo = observation.frame.pixels
    step = pixels_per_texel(coarse_place, layers)
    coarse = sampled(photo, coarse_place, step, LARGEST_ENLARGEMENT).astype(np.float32)
    geometric = visibility(camera, vertices, layers, rays) * within_picture(coarse_place, observation.frame.size)
    person, opening = photo_masks(observation, coarse_place)
    zones = layers.zones
    tones = learn(observation)
    known_skin = np.zeros(person.shape, np.float32)
    if observation.skin is not None:
        known_skin = picked(observation.skin, coarse_place, border=cv2.BORDER_CONSTANT)
    bare, hair = likeness(coarse, tones, known_skin, geometric * person * zones["plain"] > 0.7)
    hair = hair * smoothstep(zones["hairline"], 0.1, 0.4)
    seen = geometric * person
    trust = seen * believable(seen, bare, hair, known_skin, layers) * layers.fine * (1 - zones["inner"]) * (1 - opening)
    trust = np.minimum(trust, blurred(trust, 1.0))
    if opening.any():
        trust = np.maximum(trust, opening * cavity_seen(camera, vertices, rays, layers))
    shape = (layers.rows, layers.size)
    full_place = place if place.shape[:2] == shape else enlarged(place, shape)
    colour = sampled(photo, full_place, pixels_per_texel(full_place, layers), LARGEST_ENLARGEMENT)
    return Baked(colour, coarse, trust, hair, bare, tones)


def pixels_per_texel(place: NDArray, layers: Layers) -> float:
    """Median size of a texel of the face in pixels, along its longer side."""
    jump = place.shape[0] // 64 or 1
    across = np.linalg.norm(np.diff(place[::jump, ::jump], axis=1)[:-1], axis=2) / jump
    along = np.linalg.norm(np.diff(place[::jump, ::jump], axis=0)[:, :-1], axis=2) / jump
    face = cv2.resize(layers.zones["core"], across.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0.5
    larger = np.maximum(across, along)
    return float(np.median(larger[face] if face.any() else larger))


def visibility(camera: Camera, vertices: NDArray, layers: Layers, rays: RayCaster | None = None) -> NDArray:
    """(h, w) float32 0-1: how well the camera sees each coarse texel: turned to it, nothing before it, not at a rim."""
    faces, skin = layers.model.faces, layers.skin
    normals = skin.spread(vertex_normals(vertices, faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    points = skin.spread(vertices)
    toward, eye = toward_camera(camera, points)
    cosine = (normals * toward).sum(axis=2)
    seen = cosine > HEAD.facing[0]
    rays = rays or RayCaster(vertices, faces)
    seen[seen] = unhidden(rays, points[seen], normals[seen], eye, HEAD)
    seen = without_islands(seen)
    open_sky = (seen | (layers.zones["inner"] > 0.3)).astype(np.uint8)
    open_sky = cv2.morphologyEx(open_sky, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    inward = cv2.distanceTransform(open_sky, cv2.DIST_L2, 3) / (FEATHER * skin.size)
    soft = seen * blurred(seen.astype(np.float32), 0.7)
    return (squareness(cosine, HEAD) * smoothstep(inward, 0.15, 1.0) * soft).astype(np.float32)


def cavity_seen(camera: Camera, vertices: NDArray, rays: RayCaster, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: the inside of the mouth as far as the camera sees it through the lips."""
    cavity = layers.zones["cavity"]
    within = np.flatnonzero(cavity > 0.3)
    seen = np.zeros(cavity.shape, np.float32)
    seen.ravel()[within] = shown_inside(camera, vertices, rays, layers.skin.weights[within], layers)
    return cavity * blurred(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), 0.7)


def shown_inside(camera: Camera, vertices: NDArray, rays: RayCaster, weights: csr_matrix, layers: Layers) -> NDArray:
    """(n,) float32, 1 where the camera sees the points `weights` (n, V) @ vertices, however steeply, else 0."""
    points, normals = weights @ vertices, weights @ vertex_normals(vertices, layers.model.faces).astype(np.float32)
    toward, eye = toward_camera(camera, points)
    facing = (toward * normals).sum(axis=1) > MOUTH.facing[0]
    seen = np.zeros(len(points), np.float32)
    if facing.any():
        seen[facing] = unhidden(rays, points[facing], normals[facing], eye, MOUTH)
    return seen


def without_islands(seen: NDArray) -> NDArray:
    """(h, w) bool without thin strips and small patches: what peeps out beside the nose is not worth its seams."""
    seen = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, _disc(THINNEST_STRIP * seen.shape[1])) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(seen.astype(np.uint8), connectivity=4)
    keep = stats[:, cv2.CC_STAT_AREA] > SMALLEST_ISLAND * seen.size
    keep[0] = False
    return keep[labels]


def photo_masks(observation: Observation, place: NDArray) -> tuple[NDArray, NDArray]:
    """Person and eye and mouth openings of the photo at the texels, (h, w) float32 0-1 each."""
    height, width = observation.mask.shape
    factor = min(1.0, 512 / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    ratio = np.array(size) / (width, height)
    mask = cv2.resize(observation.mask, size, interpolation=cv2.INTER_AREA)
    opening = np.zeros(mask.shape, np.uint8)
    margin = 3.0
    if observation.landmark_scheme == topology.SCHEME:
        points = observation.landmarks[:, :2] * ratio
        eyes = np.linalg.norm(points[topology.RIGHT_IRIS[0]] - points[topology.LEFT_IRIS[0]])
        chin = np.linalg.norm(points[topology.CHIN] - points[topology.FOREHEAD_TOP])
        margin = MASK_MARGIN * max(eyes, 0.4 * chin)
        for outline in (topology.RIGHT_EYE, topology.LEFT_EYE):
            cv2.fillPoly(opening, [_fixed(points[list(outline)])], 255, cv2.LINE_AA, 4)
        opening = cv2.erode(opening, _disc(0.012 * chin))
        opening = np.maximum(opening, mouth_gap(points, mask.shape, eyes))
    mask = cv2.erode(mask, _disc(margin))
    mask = smoothstep(blurred(mask, margin / 3), 0.45, 0.85).astype(np.float32)
    at = place * ratio.astype(np.float32)
    return picked(mask, at), smoothstep(picked(opening, at).astype(np.float32), 60, 200).astype(np.float32)


def mouth_gap(points: NDArray, shape: tuple[int, int], eyes: float) -> NDArray:
    """(h, w) uint8, 255 between parted lips and a little beyond, so that no tooth is taken for lip; nothing if closed.

    Args:
        points: (478, 2) landmarks in pixels; eyes: the irises' distance, pixels.
    """
    gap = np.zeros(shape, np.uint8)
    outline = points[list(topology.MOUTH_OPENING)]
    if cv2.contourArea(outline.astype(np.float32)) > 0.01 * eyes**2:
        cv2.fillPoly(gap, [_fixed(outline)], 255, cv2.LINE_AA, 4)
        cv2.polylines(gap, [_fixed(outline)], True, 255, max(1, round(2 * LIP_MARGIN * eyes)), cv2.LINE_AA, 4)
    return gap


def _fixed(corners: NDArray) -> NDArray:
    """(n, 2) int32: pixels as cv2 draws them with four bits behind the point."""
    return np.round((corners - 0.5) * 16).astype(np.int32)


def _disc(radius: float) -> NDArray:
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
