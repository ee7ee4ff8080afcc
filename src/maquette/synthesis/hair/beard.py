"""Beards and moustaches as strands, rooted around the mouth, on chin and jaw. Metres, canonical world frame.

Growth follows the hair of the scalp in small: up from the skin, along the fall of the beard, and down. The area is
drawn on the average head and follows a new head by its triangles.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.hair.scalp import CENTRE, cast, planted, spiral
from maquette.synthesis.types import Identity, Kind, Strands

POINTS, POOL, LIP_POOL = 8, 70000, 2200
# Upper edge of the beard, metres over the eyes, by degrees around the vertical axis: philtrum, corner of the nose,
# cheek, sideburn.
CHEEK_DEGREES = np.array([0, 10, 16, 22, 32, 44, 54, 60, 66, 72.0])
CHEEK_HEIGHT = np.array([-52, -53, -57, -62, -66, -60, -42, -18, 2, 4.0]) * 1e-3
UNDER_JAW = 0.016  # metres below the jaw's line to which a full beard reaches
SHARES = {"stubbly": 3, "moustache": 2, "goatee": 3, "full": 5, "long": 1}


@lru_cache(maxsize=4)
def _roots(model: MorphableModel) -> tuple[Embedding, NDArray]:
    """Points that may carry a beard, and (N, 3) where they lie on the average head, metres."""
    directions = spiral(POOL)
    directions = directions[(directions[:, 1] < 0.05) & (directions[:, 2] > -0.05)]
    roots = _with_upper_lip(model, cast(model, directions, with_ears=False))
    places = roots.points(model.mean, model.faces)
    weights = {k: _weight(model.regions[k], model, roots) for k in ("lips", "ears", "nostrils")}
    azimuth = np.degrees(np.arctan2(np.abs(places[:, 0]), places[:, 2] - CENTRE[2]))
    inside = places[:, 1] < np.interp(azimuth, CHEEK_DEGREES, CHEEK_HEIGHT) + 0.003
    jaw = model.embeddings["ibug68"].points(model.mean, model.faces)[8:17]  # chin to the subject's left ear
    under = np.interp(np.abs(places[:, 0]), jaw[:, 0], jaw[:, 1])
    inside &= (places[:, 1] > under - UNDER_JAW) & (places[:, 2] > -0.058) & (weights["lips"] < 0.3)
    inside &= (weights["ears"] < 0.1) & (weights["nostrils"] < 0.1)
    return Embedding(roots.faces[inside], roots.barycentric[inside]), places[inside]


def _with_upper_lip(model: MorphableModel, roots: Embedding) -> Embedding:
    """The same and more points on the upper lip, which rays from inside the skull meet at a slant."""
    rng = np.random.default_rng(0)
    across, up = rng.uniform(-0.028, 0.028, LIP_POOL), rng.uniform(-0.073, -0.05, LIP_POOL)
    origins = np.stack([across, up, np.full(LIP_POOL, 0.2)], axis=1)
    skin = np.asarray(model.parts["skin"])
    toward = np.tile([0.0, 0.0, -1.0], (LIP_POOL, 1))
    faces, barycentric, _ = RayCaster(model.mean, model.faces[skin]).first_hits(origins, toward)
    hit = faces >= 0
    faces = np.concatenate([roots.faces, skin[faces[hit]].astype(np.int32)])
    return Embedding(faces, np.concatenate([roots.barycentric, barycentric[hit]]))


def _weight(region: NDArray, model: MorphableModel, roots: Embedding) -> NDArray:
    return np.einsum("nk,nk->n", roots.barycentric, region[model.faces[roots.faces]])


def draw_cut(identity: Identity, rng: np.random.Generator) -> str | None:
    """The cut of a beard, or None: women, children and most men have none."""
    man = rng.random() < np.clip((identity.gender - 0.45) / 0.25, 0, 1)
    grown = np.clip((identity.age - 16) / 10, 0, 1) * (1 - 0.5 * identity.ancestry[1])
    if not man or rng.random() > 0.38 * grown:
        return None
    names = list(SHARES)
    weights = np.array([SHARES[name] for name in names], float)
    return names[rng.choice(len(names), p=weights / weights.sum())]


def grow_beard(
    model: MorphableModel, vertices: NDArray, identity: Identity, color: NDArray, rng: np.random.Generator
) -> Strands | None:
    """The beard of one head.

    Args:
        vertices: (V, 3) metres, the head with its shape and expression.
        color: (3,) linear RGB of the hair.

    Returns:
        500 to 3,500 strands of 8 points, or None.
    """
    cut = draw_cut(identity, rng)
    return None if cut is None else grow_cut(model, vertices, cut, color, rng)


def grow_cut(model: MorphableModel, vertices: NDArray, cut: str, color: NDArray, rng: np.random.Generator) -> Strands:
    """A beard of a given cut, one of SHARES; the rest as in grow_beard."""
    roots, places = _roots(model)
    length, density = _cut_lengths(cut, places, rng)
    azimuth = np.degrees(np.arctan2(np.abs(places[:, 0]), places[:, 2] - CENTRE[2]))
    edge = np.interp(azimuth, CHEEK_DEGREES, CHEEK_HEIGHT) - places[:, 1] + rng.normal(0, 0.002, len(places))
    soft = np.where(_moustache(places) > 0, 0.002, 0.006)
    density = density * np.clip((edge + rng.uniform(-0.003, 0.004)) / soft, 0, 1)
    chosen = np.flatnonzero(rng.random(len(places)) < density)
    places, length = places[chosen], length[chosen] * np.exp(rng.normal(0, 0.18, len(chosen)))
    start, normal = planted(model, vertices, Embedding(roots.faces[chosen], roots.barycentric[chosen]))
    moustache = _moustache(places)[:, None]
    side = np.tanh(places[:, :1] / 0.004)
    heading = moustache * np.concatenate([1.1 * side, -0.75 + 0 * side, 0 * side], axis=1)
    heading = heading + (1 - moustache) * np.concatenate([-0.15 * side, -1 + 0 * side, 0.25 + 0 * side], axis=1)
    heading = heading + rng.normal(0, 0.22, heading.shape)
    heading -= 0.8 * np.minimum((heading * normal).sum(axis=1, keepdims=True), 0) * normal
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    along = np.linspace(0, 1, POINTS)[None, :, None]
    short = (np.clip(1 - length / 0.05, 0.35, 1)[:, None] * (1 - 0.5 * moustache))[..., None]
    points = start[:, None] + length[:, None, None] * (
        heading[:, None] * along + 0.55 * short * normal[:, None] * (along - 0.45 * along**2)
    )
    points[..., 1] -= 0.25 * (length[:, None] * along[..., 0] ** 2) * (1 - moustache)
    # A long beard narrows and keeps before the neck.
    points[..., 0] *= 1 - 0.45 * np.clip((length[:, None] - 0.03) / 0.08, 0, 1) * along[..., 0] ** 1.5
    curl = rng.normal(size=(len(points), 1, 3)) * (0.0012 + 0.02 * length[:, None, None])
    points += curl * np.sin(along * rng.uniform(3, 9, (len(points), 1, 1))) * along
    radius = np.linspace(1, 0.5, POINTS) * rng.uniform(0.00028, 0.0006, (len(points), 1))
    fade = np.linspace(0.7, 1.05, POINTS)[:, None]
    own = np.asarray(color) * [1.1, 1.0, 0.92] * np.exp(rng.normal(0, 0.2, (len(points), 1)))
    arrays = (np.ascontiguousarray(a, np.float32) for a in (points, radius, own[:, None] * fade))
    return Strands(*arrays, kind=Kind.BEARD)


def _moustache(places: NDArray) -> NDArray:
    """(N,) in 0-1: whether a root lies on the upper lip."""
    return ((places[:, 1] > -0.0745) & (np.abs(places[:, 0]) < 0.027) & (places[:, 2] > 0.018)).astype(float)


def _cut_lengths(cut: str, places: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """(N,) metres of hair and (N,) share of roots that grow, by cut."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    moustache = _moustache(places)
    chin = np.clip((0.032 - x) / 0.006, 0, 1) * (y < -0.078) * (z > -0.02)
    patch = (y < -0.078) & (y > -0.092) & (x > 0.007) & (x < 0.019)  # bare below the lip, beside the soul patch
    thick = rng.uniform(0.6, 1.0) * (1 - 0.75 * moustache * np.clip((x - 0.016) / 0.008, 0, 1))
    if cut == "moustache":
        return np.full(len(x), rng.uniform(0.007, 0.013)), moustache * thick
    if cut == "goatee":
        return np.full(len(x), rng.uniform(0.008, 0.022)), np.maximum(moustache, chin * ~patch) * thick
    density = thick * np.where(patch, 0.25, 1.0)
    if cut == "stubbly":
        return np.full(len(x), rng.uniform(0.003, 0.006)), density * 0.8
    front = np.clip((z + 0.05) / 0.06, 0, 1) * np.clip((-0.06 - y) / 0.04, 0, 1)
    low, high = (0.008, rng.uniform(0.016, 0.034)) if cut == "full" else (0.016, rng.uniform(0.06, 0.14))
    length = np.where(moustache > 0, np.minimum(0.012, high), low + (high - low) * front)
    return length, density
