"""Waves and curls: how far from straight the hair is that a photo shows, and hanging cards that are bent so."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from maquette.core.types import Part
from maquette.geometry.mesh import adjacency
from maquette.geometry.subdivision import divide, edges_of
from maquette.perception.faces import topology
from maquette.texturing.hair.grow import HeadSeen
from maquette.texturing.images import blurred, smoothstep

UNIT = 120.0  # pixels between eyes and chin at which strands are looked at
HANGS = (-1.7, 0.1)  # eye-chin distances above the eyes: where hanging hair is looked at
RIM, FINE, WINDOW = 0.06, 0.012, 0.12  # likewise: of the hair, left out; of what is noise; over which strands agree
ENOUGH = 0.11  # square eye-chin distances of hair: less says nothing
STRAIGHT = (0.54, 0.68)  # agreement of strands in direction, 0-1: full waves below, none above
FAINT = 12.0  # 8-bit level, beside which darkness counts less
LEAST = 0.15  # of full waves: less are none
WAVE_M, LENGTH_M = 0.010, 0.055  # how far waves go to the sides, and how long they are, at life size
BEGIN_M, FULL_M = 0.045, -0.04  # heights at which they begin, and from which down they are full
SPLIT_M = 0.010  # longer edges are split
AROUND = 4  # turns by which the waves of neighbouring cards follow each other around the head
OWN = 0.6  # share of a card's own beginning of a wave


def waviness(head: HeadSeen) -> float:
    """0-1: how far from straight the hair beside and below the face is.

    Strands of straight hair agree in direction over a centimetre: the coherence of the structure tensor, in which
    every pixel counts by the strength of its edge (Bigun and Granlund 1987).
    """
    pixels, seen = head.observation.frame.pixels, head.seen
    points = head.observation.landmarks[:, :2]
    factor = UNIT / max(float(np.linalg.norm(points[topology.CHIN] - points[[33, 133, 362, 263]].mean(axis=0))), 1.0)
    size = tuple(max(8, round(side * factor)) for side in pixels.shape[1::-1])
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    light = blurred(np.log(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) + FAINT), FINE * UNIT)
    hair, above = (cv2.resize(of, size) for of in ((seen.hair * seen.inside).astype(np.float32), seen.above))
    rim = np.ones((int(RIM * UNIT),) * 2, np.uint8)
    inner = cv2.erode((hair > 0.6).astype(np.uint8), rim) > 0
    low = inner & (above > HANGS[0]) & (above < HANGS[1])
    if low.sum() < ENOUGH * UNIT**2:
        return 0.0
    across, down = (cv2.Sobel(light, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    strength = across**2 + down**2
    weight = inner / np.sqrt(strength + 1e-4)
    tensor = (across**2 - down**2, 2 * across * down, strength)
    even, odd, whole = (blurred((weight * of).astype(np.float32), WINDOW * UNIT) for of in tensor)
    agreement = float((np.hypot(even, odd) / np.maximum(whole, 1e-6))[low].mean())
    waves = float(1 - smoothstep(agreement, *STRAIGHT))
    return waves if waves > LEAST else 0.0


def waved(hair: Part, waves: float, scale: float) -> Part:
    """Cards whose lower parts turn in waves, 0-1 of full ones; `scale`: of the head, of the model's."""
    mesh = hair.mesh
    assert hair.normals is not None and mesh.uvs is not None and mesh.uv_faces is not None, "cards have them"
    card = connected_components(adjacency(mesh.faces, len(mesh.vertices)), directed=False)[1]
    of_vertex = np.concatenate([mesh.vertices, hair.normals, card[:, None]], axis=1).astype(float)
    long = _long_edges(mesh.vertices, mesh.faces, scale)
    faces, both = _split(mesh.faces, of_vertex, long)
    uv_faces, uvs = _split(mesh.uv_faces, mesh.uvs.astype(float), long)
    vertices, normals = both[:, :3], both[:, 3:6]
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    begins = np.random.default_rng(16).uniform(0, 2 * np.pi, card.max() + 1)[np.rint(both[:, 6]).astype(int)]
    x, y, z = vertices.T / scale
    turn = 2 * np.pi * y / LENGTH_M + OWN * begins + AROUND * np.arctan2(x, z + 0.055)
    size = waves * WAVE_M * scale * (1 - smoothstep(y, FULL_M, BEGIN_M))
    side = np.stack([normals[:, 2], 0 * x, -normals[:, 0]], axis=1)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    out = np.stack([-side[:, 2], 0 * x, side[:, 0]], axis=1)
    # Outwards they go farther than inwards, where the neck is.
    moved = vertices + size[:, None] * (np.sin(turn)[:, None] * side + (0.6 + 0.8 * np.cos(turn))[:, None] * out)
    bent = replace(mesh, vertices=moved.astype(np.float32), faces=faces, uvs=uvs.astype(np.float32), uv_faces=uv_faces)
    return replace(hair, mesh=bent, normals=normals.astype(np.float32))


def _long_edges(vertices: NDArray, faces: NDArray, scale: float) -> NDArray:
    """(F, 3) bool: edges ab, bc, ca that are long and reach down to where waves are."""
    corners = vertices[faces]
    others = np.roll(corners, -1, axis=1)
    low = np.minimum(corners[..., 1], others[..., 1]) < BEGIN_M * scale
    return np.asarray(low & (np.linalg.norm(corners - others, axis=2) > SPLIT_M * scale))


def _split(faces: NDArray, values: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
    """Triangles (F, 3) with the chosen edges, (F, 3) bool, split; and the values (V, C) with those of the middles."""
    edges, of_face, _ = edges_of(faces, len(values))
    cut = np.zeros(len(edges), bool)
    cut[of_face[chosen]] = True
    number = np.where(cut, len(values) + np.cumsum(cut) - 1, -1)
    middles = values[edges[cut]].mean(axis=1)
    return divide(faces, number[of_face])[0].astype(np.int32), np.concatenate([values, middles])
