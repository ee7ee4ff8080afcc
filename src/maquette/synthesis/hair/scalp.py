"""Where hair grows and what it may not enter: roots on the scalp, and the head as a radius for every direction.

The head is close to star-shaped about a point inside the skull, so one map of distances over the octahedron
(Cigolle et al. 2014, A survey of efficient representations for independent unit vectors) shows whether a hair point is
inside it. The model's "scalp" region leaves out temples and sideburns and starts 15 mm too high on the forehead, so the
hairline is a curve of its own, drawn on the average head; everything follows a new head by its triangles.
Lengths in metres, canonical world frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.spatial
from numpy.typing import NDArray

from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.types import Strands

CENTRE = np.array([0.0, 0.02, -0.075])  # inside the average skull
SIDE = 65  # of the octahedral map
NO_MAP = np.empty(0, np.float32)  # x and y of a lookup stand in one map
GROUND = 160  # texels to a side of the map of the hair's ground
POOL, GUIDES, NEIGHBOURS = 14000, 640, 4  # spread over the sphere; about 65 % of it carry hair
# Height of the hairline over the eyes, by degrees around the vertical axis (0 = front, 180 = nape): forehead, temple
# recess, temple, sideburn, over the ear, behind the ear, nape. Drawn on the average head.
HAIRLINE_DEGREES = np.array([0, 14, 26, 36, 46, 57, 64, 72, 80, 88, 100, 108, 125, 150, 180.0])
HAIRLINE_HEIGHT = np.array([69, 70, 73, 68, 50, 25, 2, -10, 4, 14, 10, -22, -52, -62, -66.0]) * 1e-3


@dataclass(frozen=True, eq=False)
class Scalp:
    """What of a model's hair does not depend on the person.

    Attributes:
        roots: N points on the skin that may carry a hair.
        guide_roots: G points, far fewer, whose hairs those around them follow.
        above: (N,) metres over the hairline of the average head, negative below it.
        guide_above: (G,) the same for the guides.
        places: (N, 3) where the roots lie on the average head, from CENTRE.
        guide_places: (G, 3) likewise.
        neighbours: (N, 4) int, the nearest guides of each root.
        skull, ears: points of the octahedral map, SIDE^2 of them, on the head without and with ears.
    """

    roots: Embedding
    guide_roots: Embedding
    above: NDArray
    guide_above: NDArray
    places: NDArray
    guide_places: NDArray
    neighbours: NDArray
    skull: Embedding
    ears: Embedding


def hairline_height(places: NDArray) -> NDArray:
    """(...,) metres over the eyes: the hairline at the azimuth of (..., 3) points given from CENTRE."""
    azimuth = np.degrees(np.abs(np.arctan2(places[..., 0], places[..., 2])))
    return np.interp(azimuth, HAIRLINE_DEGREES, HAIRLINE_HEIGHT)


def spiral(count: int) -> NDArray:
    """(count, 3) unit directions, evenly spread (the Fibonacci spiral), y first."""
    order = np.arange(count) + 0.5
    height, turn = 1 - 2 * order / count, order * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], axis=1)


def to_square(directions: NDArray) -> NDArray:
    """(..., 2) float32 in 0 to SIDE - 1: directions (..., 3), of any length, on the octahedral map; centre is up."""
    x, y, z = (np.ascontiguousarray(directions[..., k], np.float32) for k in range(3))
    size = 1 / (np.abs(x) + np.abs(y) + np.abs(z) + np.float32(1e-9))
    u, v = x * size, z * size
    square = np.empty((*x.shape, 2), np.float32)
    square[..., 0], square[..., 1] = u, v
    down = y < 0
    u, v = u[down], v[down]
    square[down, 0] = np.copysign(1 - np.abs(v), u)
    square[down, 1] = np.copysign(1 - np.abs(u), v)
    square += 1
    square *= np.float32((SIDE - 1) / 2)
    return square


def lengths(offsets: NDArray) -> NDArray:
    """(...,) lengths of vectors (..., 3); faster than a norm over the last axis."""
    x, y, z = (np.ascontiguousarray(offsets[..., k]) for k in range(3))
    return np.sqrt(x * x + y * y + z * z) + offsets.dtype.type(1e-9)


def from_square() -> NDArray:
    """(SIDE^2, 3) unit directions of the nodes of the octahedral map, rows run along v."""
    line = np.linspace(-1, 1, SIDE)
    u, v = np.meshgrid(line, line)
    y = 1 - np.abs(u) - np.abs(v)
    x = np.where(y < 0, (1 - np.abs(v)) * np.where(u < 0, -1, 1), u)
    z = np.where(y < 0, (1 - np.abs(u)) * np.where(v < 0, -1, 1), v)
    directions = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def cast(model: MorphableModel, directions: NDArray, with_ears: bool) -> Embedding:
    """Where (N, 3) rays towards CENTRE first meet the skin from outside; holes take the nearest ray's answer."""
    skin = np.asarray(model.parts["skin"])
    if not with_ears:
        skin = skin[model.regions["ears"][model.faces[skin]].max(axis=1) < 0.3]
    caster = RayCaster(model.mean, model.faces[skin])
    faces, barycentric, _ = caster.first_hits(CENTRE + directions * 0.5, -directions)
    points = np.einsum("nk,nkd->nd", barycentric, model.mean[model.faces[skin[faces]]]) - CENTRE
    # A ray through the hole at the neck or an ear goes on to the far side: not this direction's skin.
    lost = (faces < 0) | ((points * directions).sum(axis=1) < 0.03)
    nearest = scipy.spatial.cKDTree(directions[~lost]).query(directions[lost])[1]
    kept = np.flatnonzero(~lost)[nearest]
    faces[lost], barycentric[lost] = faces[kept], barycentric[kept]
    return Embedding(skin[faces].astype(np.int32), barycentric)


def planted(model: MorphableModel, vertices: NDArray, roots: Embedding) -> tuple[NDArray, NDArray]:
    """(N, 3) where roots lie on a head with vertices (V, 3), metres, and (N, 3) unit normals of the skin there."""
    corners = vertices[model.faces[roots.faces]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    return np.einsum("nk,nkd->nd", roots.barycentric, corners), normal


@lru_cache(maxsize=4)
def scalp_of(model: MorphableModel) -> Scalp:
    """The scalp of a model, made once."""
    kept = []
    for count in (POOL, GUIDES):
        roots = cast(model, spiral(count), with_ears=False)
        places = roots.points(model.mean, model.faces) - CENTRE
        ears = np.einsum("nk,nk->n", roots.barycentric, model.regions["ears"][model.faces[roots.faces]])
        above = places[:, 1] + CENTRE[1] - hairline_height(places)
        met = (places * spiral(count)).sum(axis=1) > 0.98 * np.linalg.norm(places, axis=1)
        inside = (above > -0.012) & (ears < 0.2) & met
        kept.append((Embedding(roots.faces[inside], roots.barycentric[inside]), above[inside], places[inside]))
    (roots, above, places), (guides, guide_above, guide_places) = kept
    neighbours = np.asarray(scipy.spatial.cKDTree(guide_places).query(places, NEIGHBOURS)[1])
    nodes = from_square()
    skull, ears = cast(model, nodes, with_ears=False), cast(model, nodes, with_ears=True)
    return Scalp(roots, guides, above, guide_above, places, guide_places, neighbours, skull, ears)


@dataclass(frozen=True, eq=False)
class HeadRadii:
    """One head as its distance from a centre, for every direction.

    Attributes:
        centre: (3,) metres.
        scale: size against the average head.
        skull: (SIDE, SIDE) float32 metres from the centre to the skin without ears, octahedral map.
        ears: the same with ears, smoothed: where hair that lies over the ears runs.
    """

    centre: NDArray
    scale: float
    skull: NDArray
    ears: NDArray

    def radius(self, offsets: NDArray, over_ears: bool) -> NDArray:
        """(N, S) metres: how far the skin lies in the directions of (N, S, 3) offsets from the centre."""
        if not offsets.size:
            return np.zeros(offsets.shape[:-1], np.float32)
        distances, square = self.ears if over_ears else self.skull, to_square(offsets)
        return cv2.remap(distances, square, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def push_out(self, points: NDArray, margin: NDArray | float, over_ears: bool) -> tuple[NDArray, NDArray]:
        """Points (N, S, 3) moved away from the centre until `margin` metres above the skin, and their (N, S) height."""
        centre = self.centre.astype(points.dtype)
        offsets = points - centre
        reach, skin = lengths(offsets), self.radius(offsets, over_ears)
        factor = np.maximum((skin + margin) / reach, 1)
        offsets *= factor[..., None]
        offsets += centre
        return offsets, reach * factor - skin


def measure_head(model: MorphableModel, vertices: NDArray) -> HeadRadii:
    """The radius maps of a head with vertices (V, 3), metres."""
    scalp = scalp_of(model)
    skull = scalp.skull.points(vertices, model.faces)
    average = _average(model)
    centre = CENTRE + skull.mean(axis=0) - average.mean(axis=0)
    scale = float(np.linalg.norm(skull - centre, axis=1).mean() / np.linalg.norm(average - CENTRE, axis=1).mean())
    outer = _regular(scalp.ears.points(vertices, model.faces) - centre)
    inner = _regular(skull - centre)
    outer = np.maximum(cv2.dilate(outer, np.ones((3, 3), np.uint8)), inner)
    return HeadRadii(centre, scale, inner, np.maximum(cv2.GaussianBlur(outer, (0, 0), 1.2), inner))


@lru_cache(maxsize=4)
def _average(model: MorphableModel) -> NDArray:
    return scalp_of(model).skull.points(model.mean, model.faces)


def _regular(points: NDArray) -> NDArray:
    """(SIDE, SIDE) distances at the nodes, from points that a new head has moved a little off their nodes."""
    length = np.linalg.norm(points, axis=1).astype(np.float32).reshape(SIDE, SIDE)
    line = np.arange(SIDE, dtype=np.float32)
    nodes = np.stack(np.meshgrid(line, line), axis=-1)
    moved = to_square(points).reshape(SIDE, SIDE, 2) - nodes
    moved[np.abs(moved).max(axis=2) > 4] = 0  # nodes on a seam jump to its other side
    return cv2.remap(length, nodes - moved, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=4)
def _ground(model: MorphableModel) -> tuple[NDArray, Embedding, NDArray]:
    """Texels of a GROUND^2 chart image on which hair may grow: flat index, where on the model, how surely (0-1)."""
    skin = np.asarray(model.parts["skin"])
    corners = (model.uvs * [GROUND, -GROUND] + [0, GROUND])[model.uv_faces[skin]]
    names = np.full((GROUND, GROUND), -1, np.float32)
    for number, triangle in enumerate(np.round((corners - 0.5) * 16).astype(np.int32)):
        cv2.fillConvexPoly(names, triangle, (float(number),), cv2.LINE_8, 4)
    texel = np.flatnonzero(names.ravel() >= 0)
    face = names.ravel()[texel].astype(int)
    a, b, c = (corners[face, k] for k in range(3))
    point = np.stack([texel % GROUND, texel // GROUND], axis=1) + 0.5 - a
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    v = (point[:, 0] * (c - a)[:, 1] - point[:, 1] * (c - a)[:, 0]) / area
    w = ((b - a)[:, 0] * point[:, 1] - (b - a)[:, 1] * point[:, 0]) / area
    roots = Embedding(skin[face].astype(np.int32), np.clip(np.stack([1 - v - w, v, w], axis=1), 0, 1))
    places = roots.points(model.mean, model.faces) - CENTRE
    ears = np.einsum("nk,nk->n", roots.barycentric, model.regions["ears"][model.faces[roots.faces]])
    sure = np.clip((places[:, 1] + CENTRE[1] - hairline_height(places)) / 0.008, 0, 1) * (ears < 0.2)
    kept = sure > 0
    return texel[kept], Embedding(roots.faces[kept], roots.barycentric[kept]), sure[kept].astype(np.float32)


def scalp_shade(model: MorphableModel, vertices: NDArray, hair: Strands, side: int) -> NDArray:
    """How much hair hides the skin, for painting the scalp so that it does not shine through: the roots' density.

    Args:
        vertices: (V, 3) metres, the head that the hair grew on.
        hair: with N strands.

    Returns:
        (side, side) float32 in 0-1 in the model's charts, row 0 is v = 1.
    """
    texel, places, sure = _ground(model)
    tree = scipy.spatial.cKDTree(hair.points[:, 0])
    away = np.asarray(tree.query(places.points(vertices, model.faces), k=3)[0])[:, -1]
    ground = np.zeros(GROUND * GROUND, np.float32)
    ground[texel] = sure * np.clip((0.008 - away) / 0.004, 0, 1)
    shade = cv2.dilate(ground.reshape(GROUND, GROUND), np.ones((2, 2), np.uint8))
    return cv2.resize(cv2.GaussianBlur(shade, (0, 0), 0.8), (side, side), interpolation=cv2.INTER_LINEAR)
