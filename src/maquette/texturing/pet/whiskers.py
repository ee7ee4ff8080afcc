"""Whiskers: narrow ribbons that grow from the pads beside the nose, bend down at their ends and move with the skin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.types import Mesh, Part, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.morphable.model import MorphableModel
from maquette.morphable.pet import species_of
from maquette.morphable.posing import neutral_vertices
from maquette.perception.pets.schemes import NOSE, SCHEME

CORNERS, UPPER_LIP = (7, 8), 9  # landmarks: of the mouth, right and left
SEGMENTS = 6
WIDTH = 0.010  # of a whisker at its root, eye distances; it ends in a point
ROWS, SHARES = ((0.30, 0.0), (0.5, 0.12), (0.68, 0.26)), (0.35, 0.5, 0.65, 0.8)  # of a pad: down; out to the corner
DROOP = 0.18  # how far the end hangs, of the length


@dataclass(frozen=True)
class WhiskerStyle:
    """How long whiskers are, in eye distances, which share of the roots has one, and their 8-bit sRGB."""

    length: float
    share: float
    colour: tuple[int, int, int]


STYLES = {
    "cat": WhiskerStyle(1.3, 1.0, (236, 234, 228)),
    "dog": WhiskerStyle(0.45, 0.5, (40, 36, 32)),
    "wild": WhiskerStyle(0.85, 1.0, (238, 236, 230)),
}


def with_whiskers(reconstruction: Reconstruction, model: MorphableModel, seed: int = 0) -> Reconstruction:
    """The head with whiskers as the part `whiskers`.

    Args:
        seed: of how each differs from the next.
    """
    style = STYLES[species_of(model.name)]
    vertices = neutral_vertices(reconstruction, model).astype(float)
    unit = float(np.linalg.norm(model.eye_centre(vertices, "Left") - model.eye_centre(vertices, "Right")))
    normals, skin = vertex_normals(vertices, model.faces), model.part_vertices("skin")
    tree, generator = cKDTree(vertices[skin]), np.random.default_rng(seed)
    ribbons, roots = [], []
    for place, outward in _places(model, vertices):
        if generator.random() > style.share:
            continue
        root = skin[tree.query(place)[1]]
        length = style.length * unit * generator.uniform(0.75, 1.1)
        along = outward + 0.35 * normals[root] + 0.08 * generator.standard_normal(3)
        ribbons.append(_ribbon(vertices[root], along / np.linalg.norm(along), length, WIDTH * unit))
        roots.append(root)
    if not ribbons:
        return reconstruction
    per = 2 * SEGMENTS + 1
    faces = np.concatenate([_faces() + per * number for number in range(len(ribbons))])
    uvs = np.full((per * len(ribbons), 2), 0.5, np.float32)
    picture = np.full((4, 4, 3), style.colour, np.uint8)
    mesh = Mesh(np.concatenate(ribbons).astype(np.float32), faces, uvs, faces, texture=picture)
    anchors = np.repeat(np.repeat(np.array(roots)[:, None], 3, axis=1), per, axis=0).astype(np.int32)
    weights = np.tile(np.array([1, 0, 0], np.float32), (len(anchors), 1))
    part = Part("whiskers", mesh, anchors, weights, roughness=0.5, specular=0.5)
    return replace(reconstruction, parts=(*reconstruction.parts, part))


def _places(model: MorphableModel, vertices: NDArray) -> list[tuple[NDArray, NDArray]]:
    """Roots (3,) near the skin and the way outwards there (3,), of both pads."""
    marks = model.embeddings[SCHEME].points(vertices, model.faces)
    out = []
    for side, corner in zip((-1.0, 1.0), CORNERS):
        for down, back in ROWS:
            top = marks[NOSE] + down * (marks[UPPER_LIP] - marks[NOSE])
            for share in SHARES:
                place = top + share * (marks[corner] - top) + np.array([0, 0, 1e-4])
                out.append((place, np.array([side, 0.10 - 0.45 * down, 0.25 - 0.9 * share * 0.5 - back])))
    return out


def _ribbon(root: NDArray, along: NDArray, length: float, width: float) -> NDArray:
    """(2 S + 1, 3) pairs of points along a whisker and its end."""
    share = np.linspace(0, 1, SEGMENTS + 1)
    middle = root + length * (share[:, None] * along - DROOP * share[:, None] ** 2 * np.array([0.0, 1, 0]))
    across = np.cross(along, [0.0, 0, 1])
    across = width / 2 * across / max(float(np.linalg.norm(across)), 1e-9)
    taper = (1 - share)[:-1, None]
    pairs = np.stack([middle[:-1] - taper * across, middle[:-1] + taper * across], axis=1)
    return np.concatenate([pairs.reshape(-1, 3), middle[-1:]])


def _faces() -> NDArray:
    """(2 S - 1, 3) int32 triangles of one ribbon."""
    first = 2 * np.arange(SEGMENTS - 1)
    quads = np.concatenate([
        np.column_stack([first, first + 1, first + 2]), np.column_stack([first + 1, first + 3, first + 2]),
    ])  # fmt: skip
    last = 2 * (SEGMENTS - 1)
    return np.concatenate([quads, [[last, last + 1, last + 2]]]).astype(np.int32)
