"""Eyelashes and eyebrows, rooted at MediaPipe's rims of the lids and outlines of the brows.

Lengths after Thibaut et al. 2010, Human eyelash characterization: upper 8-12 mm, lower 6-8 mm, as seen less by curl.
Metres, canonical world frame, linear RGB.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.hair.scalp import planted
from maquette.synthesis.types import Kind, Strands

# MediaPipe 478, outer corner to inner corner of the eye; inner end to outer end of the brow; right, then left.
UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
BROW_TOP = ((107, 66, 105, 63, 70), (336, 296, 334, 293, 300))
BROW_LOW = ((55, 65, 52, 53, 46), (285, 295, 282, 283, 276))
LASH_POINTS, BROW_POINTS, BROW_POOL = 5, 4, 900
UPPER_LASHES, LOWER_LASHES = 52, 20
DARK = np.array([0.020, 0.014, 0.011])


def grow_lashes(model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> Strands:
    """The eyelashes of both eyes for vertices (V, 3), metres: they point away from the eyeball and curl.

    Returns:
        144 strands of 5 points, 0.12 mm in radius.
    """
    places = model.embeddings["mediapipe478"].points(vertices, model.faces)
    longer = np.exp(rng.normal(0, 0.18))
    rims = []
    for side, (upper, lower) in zip(("Right", "Left"), zip(UPPER, LOWER)):
        centre = model.eye_centre(vertices, side)
        rims.append(_rim(places[list(upper)], centre, UPPER_LASHES, 0.0066 * longer, 0.55, rng))
        rims.append(_rim(places[list(lower)], centre, LOWER_LASHES, 0.0036 * longer, -0.25, rng))
    points = np.concatenate(rims)
    radius = np.linspace(1, 0.35, LASH_POINTS) * np.full((len(points), 1), 0.00012)
    albedo = np.broadcast_to(DARK * np.exp(rng.normal(0, 0.3)), points.shape)
    return Strands(*(np.ascontiguousarray(a, np.float32) for a in (points, radius, albedo)), kind=Kind.BROWS)


def _rim(rim: NDArray, centre: NDArray, count: int, length: float, curl: float, rng: np.random.Generator) -> NDArray:
    """(count, LASH_POINTS, 3) lashes along a lid's rim (k, 3): their length in metres, and curl (up > 0)."""
    at = np.sort(rng.uniform(0.06, 0.93, count)) * (len(rim) - 1)
    roots = np.stack([np.interp(at, np.arange(len(rim)), rim[:, k]) for k in range(3)], axis=1)
    away = roots - centre
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    middle = np.sin(np.pi * at / (len(rim) - 1)) ** 0.5
    start = away + rng.normal(0, 0.13, (count, 3))
    start[:, 1] -= 0.30 * curl
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    own = length * (0.55 + 0.45 * middle) * np.exp(rng.normal(0, 0.15, count))
    along = np.linspace(0, 1, LASH_POINTS)[None, :, None]
    bend = np.array([0.0, curl, -0.12])
    return (roots - 0.0003 * away)[:, None] + own[:, None, None] * (start[:, None] * along + bend * along**2)


@lru_cache(maxsize=4)
def _brow_roots(model: MorphableModel) -> tuple[Embedding, NDArray, NDArray]:
    """Points on the skin inside the outlines of the brows, (n, 2) along and across in 0-1, and (n,) the side."""
    rng = np.random.default_rng(0)
    places = model.embeddings["mediapipe478"].points(model.mean, model.faces)
    skin = np.asarray(model.parts["skin"])
    caster = RayCaster(model.mean, model.faces[skin])
    faces, weights, spots, sides = [], [], [], []
    for side in (0, 1):
        spot = rng.random((BROW_POOL, 2))
        top, low = (_along(places[list(line[side])], spot[:, 0]) for line in (BROW_TOP, BROW_LOW))
        point = low + spot[:, 1:] * (top - low)
        toward = np.tile([0.0, 0.0, -1.0], (BROW_POOL, 1))
        hit, weight, _ = caster.first_hits(point + np.array([0, 0, 0.05]), toward)
        kept = hit >= 0
        faces.append(skin[hit[kept]])
        weights.append(weight[kept])
        spots.append(spot[kept])
        sides.append(np.full(kept.sum(), side))
    embedding = Embedding(np.concatenate(faces).astype(np.int32), np.concatenate(weights))
    return embedding, np.concatenate(spots), np.concatenate(sides)


def _along(line: NDArray, share: NDArray) -> NDArray:
    at = share * (len(line) - 1)
    return np.stack([np.interp(at, np.arange(len(line)), line[:, k]) for k in range(3)], axis=1)


def grow_brows(model: MorphableModel, vertices: NDArray, color: NDArray, rng: np.random.Generator) -> Strands:
    """The eyebrows for vertices (V, 3), metres, in a hair colour (3,): up at the nose, outwards, down at the tail.

    Returns:
        150 to 900 strands of 4 points.
    """
    roots, spot, side = _brow_roots(model)
    thick, middle = np.clip(rng.normal(0.62, 0.16), 0.3, 1.0), rng.uniform(0.4, 0.6)
    share, across = spot[:, 0], (spot[:, 1] - middle) / thick
    width = 0.5 * np.interp(share, [0, 0.08, 0.5, 1], [0.75, 1.0, 0.95, 0.35])
    density = np.clip((width - np.abs(across)) / 0.15, 0, 1) * rng.uniform(0.3, 0.8)
    density *= np.interp(share, [0, 0.1, 0.9, 1], [0.5, 1, 0.9, 0.4])
    kept = rng.random(len(share)) < density
    share, across, side = share[kept], across[kept], side[kept]
    start, normal = planted(model, vertices, Embedding(roots.faces[kept], roots.barycentric[kept]))
    places = model.embeddings["mediapipe478"].points(vertices, model.faces)
    outward = np.zeros_like(start)
    for k in (0, 1):
        line = places[list(BROW_TOP[k])]
        outward[side == k] = _along(line, np.minimum(share[side == k] + 0.1, 1)) - _along(line, share[side == k] - 0.1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    upward = np.interp(share, [0, 0.15, 0.45, 0.8, 1], [1.6, 0.9, 0.35, -0.1, -0.2]) - 0.9 * across
    heading = outward + upward[:, None] * np.array([0, 1.0, 0]) + rng.normal(0, 0.12, start.shape)
    heading -= (heading * normal).sum(axis=1, keepdims=True) * normal
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    own = rng.uniform(0.0045, 0.007) * np.exp(rng.normal(0, 0.2, len(start)))[:, None, None]
    along = np.linspace(0, 1, BROW_POINTS)[None, :, None]
    rise = 0.35 * along - 0.22 * along**2
    points = start[:, None] + own * (heading[:, None] * along + normal[:, None] * rise)
    radius = np.linspace(1, 0.5, BROW_POINTS) * rng.uniform(0.00018, 0.00032, (len(points), 1))
    albedo = np.asarray(color) * 0.85 * np.exp(rng.normal(0, 0.2, (len(points), 1, 1))) * np.ones(points.shape)
    return Strands(*(np.ascontiguousarray(a, np.float32) for a in (points, radius, albedo)), kind=Kind.BROWS)
