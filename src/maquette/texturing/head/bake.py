"""From one photo to texels: where each texel lies in the photo, whether the photo shows it, and its colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from maquette.core.types import Camera, Observation
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.texturing.head.layers import Layers
from maquette.texturing.head.masks import photo_masks
from maquette.texturing.head.tones import Tones, learn_tones, likeness
from maquette.texturing.head.trust import head_trust
from maquette.texturing.images import blurred, disc, enlarged, image_at, smoothstep
from maquette.texturing.projection import (
    HEAD,
    MOUTH,
    facing_weight,
    pixels_of,
    sample_photo,
    view_directions,
    visible,
    within_picture,
)

FEATHER = 0.018  # of the texture's width: fading towards what another part of the head hides
SMALLEST_ISLAND = 0.008  # of the chart's area
THINNEST_STRIP = 0.008  # of the texture's width, half across
LARGEST_ENLARGEMENT = 3.0  # of the photo


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
    pixels = pixels_of(camera, vertices.astype(float))[0]
    place = layers.place.spread(pixels)
    coarse_place = layers.skin.spread(pixels)
    photo = observation.frame.pixels
    step = pixels_per_texel(coarse_place, layers)
    coarse = sample_photo(photo, coarse_place, step, LARGEST_ENLARGEMENT).astype(np.float32)
    geometric = visibility(camera, vertices, layers, rays) * within_picture(coarse_place, observation.frame.size)
    person, opening = photo_masks(observation, coarse_place)
    zones = layers.zones
    tones = learn_tones(observation)
    known_skin = np.zeros(person.shape, np.float32)
    if observation.skin is not None:
        known_skin = image_at(observation.skin, coarse_place, border=cv2.BORDER_CONSTANT)
    bare, hair = likeness(coarse, tones, known_skin, geometric * person * zones["plain"] > 0.7)
    hair = hair * smoothstep(zones["hairline"], 0.1, 0.4)
    seen = geometric * person
    trust = seen * head_trust(seen, bare, hair, known_skin, layers) * layers.fine * (1 - zones["inner"]) * (1 - opening)
    trust = np.minimum(trust, blurred(trust, 1.0))
    if opening.any():
        trust = np.maximum(trust, opening * cavity_seen(camera, vertices, rays, layers))
    shape = (layers.rows, layers.size)
    full_place = place if place.shape[:2] == shape else enlarged(place, shape)
    colour = sample_photo(photo, full_place, pixels_per_texel(full_place, layers), LARGEST_ENLARGEMENT)
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
    toward, eye = view_directions(camera, points)
    cosine = (normals * toward).sum(axis=2)
    seen = cosine > HEAD.facing[0]
    rays = rays or RayCaster(vertices, faces)
    seen[seen] = visible(rays, points[seen], normals[seen], eye, HEAD)
    seen = without_islands(seen)
    shown = (seen | (layers.zones["inner"] > 0.3)).astype(np.uint8)
    closed = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    inward = cv2.distanceTransform(closed, cv2.DIST_L2, 3) / (FEATHER * skin.size)
    soft = seen * blurred(seen.astype(np.float32), 0.7)
    return (facing_weight(cosine, HEAD) * smoothstep(inward, 0.15, 1.0) * soft).astype(np.float32)


def cavity_seen(camera: Camera, vertices: NDArray, rays: RayCaster, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: the inside of the mouth as far as the camera sees it through the lips."""
    cavity = layers.zones["cavity"]
    within = np.flatnonzero(cavity > 0.3)
    seen = np.zeros(cavity.shape, np.float32)
    seen.ravel()[within] = visible_points(camera, vertices, rays, layers.skin.weights[within], layers)
    return cavity * blurred(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), 0.7)


def visible_points(camera: Camera, vertices: NDArray, rays: RayCaster, weights: csr_matrix, layers: Layers) -> NDArray:
    """(n,) float32, 1 where the camera sees the points `weights` (n, V) @ vertices, at whatever angle, else 0."""
    points, normals = weights @ vertices, weights @ vertex_normals(vertices, layers.model.faces).astype(np.float32)
    toward, eye = view_directions(camera, points)
    facing = (toward * normals).sum(axis=1) > MOUTH.facing[0]
    seen = np.zeros(len(points), np.float32)
    if facing.any():
        seen[facing] = visible(rays, points[facing], normals[facing], eye, MOUTH)
    return seen


def without_islands(seen: NDArray) -> NDArray:
    """(h, w) bool without thin strips and small patches: what peeps out beside the nose is not worth its seams."""
    seen = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, disc(THINNEST_STRIP * seen.shape[1])) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(seen.astype(np.uint8), connectivity=4)
    keep = stats[:, cv2.CC_STAT_AREA] > SMALLEST_ISLAND * seen.size
    keep[0] = False
    return keep[labels]
