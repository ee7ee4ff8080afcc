"""Triangles split at the midpoints of their edges, which are pushed out onto the curve that the normals suggest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def edges_of(faces: NDArray, count: int) -> tuple[NDArray, NDArray, NDArray]:
    """The edges of a mesh of `count` vertices.

    Returns:
        edges: (E, 2) their ends.
        of_face: (F, 3) the edges ab, bc, ca of each face.
        uses: (E,) how many faces share each edge.
    """
    corners = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64), axis=1)
    keys, inverse, uses = np.unique(corners[:, 0] * count + corners[:, 1], return_inverse=True, return_counts=True)
    return np.stack([keys // count, keys % count], axis=1), inverse.reshape(-1, 3), uses


def bow(vertices: NDArray, normals: NDArray, edges: NDArray, uses: NDArray) -> NDArray:
    """(E, 3) midpoints of edges, pushed out onto the curve that the normals suggest.

    Phong tessellation (Boubekeur and Alexa 2008). Rims (edges of one face) stay straight, so that parts still meet.
    """
    a, b = vertices[edges[:, 0]], vertices[edges[:, 1]]
    na, nb = normals[edges[:, 0]], normals[edges[:, 1]]
    flat = (a + b) / 2
    pull_a = np.sum((flat - a) * na, axis=1, keepdims=True) * na
    pull_b = np.sum((flat - b) * nb, axis=1, keepdims=True) * nb
    return flat - np.where(uses[:, None] == 2, 0.75, 0.0) * (pull_a + pull_b) / 2


def divide(faces: NDArray, middle: NDArray) -> tuple[NDArray, NDArray]:
    """Split triangles at the midpoints of some of their edges.

    Args:
        faces: (F, 3).
        middle: (F, 3) index of the new vertex on the edges ab, bc, ca; -1 where an edge stays whole.

    Returns:
        faces: (G, 3) int32.
        origin: (G,) the face each came from.
    """
    cut = middle >= 0
    count = cut.sum(axis=1)
    # Turn each triangle so that one cut edge is ab, and the uncut one of two cuts is ca.
    turn = np.where(count == 1, cut.argmax(axis=1), np.where(count == 2, (cut.argmin(axis=1) + 1) % 3, 0))
    order = (np.arange(3) + turn[:, None]) % 3
    corners, (ab, bc, ca) = np.take_along_axis(faces, order, 1), np.take_along_axis(middle, order, 1).T
    a, b, c = corners.T
    patterns = {
        0: [(a, b, c)],
        1: [(a, ab, c), (ab, b, c)],
        2: [(ab, b, bc), (a, ab, bc), (a, bc, c)],
        3: [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)],
    }
    pieces = [(np.stack(t, axis=1)[count == n], np.flatnonzero(count == n)) for n, ts in patterns.items() for t in ts]
    origin = np.concatenate([source for _, source in pieces])
    together = np.argsort(origin, kind="stable")  # pieces of one face share corners: software OpenGL reuses them
    return np.concatenate([piece for piece, _ in pieces])[together].astype(np.int32), origin[together]


def round_off(vertices: NDArray, faces: NDArray, normals: NDArray, longest: float = 0.0) -> tuple[NDArray, NDArray]:
    """A mesh with all edges longer than `longest` split and bowed outwards: (V', 3) vertices and (G, 3) faces."""
    edges, of_face, uses = edges_of(faces, len(vertices))
    long = np.linalg.norm(np.diff(vertices[edges], axis=1)[:, 0], axis=1) > longest
    place = np.where(long, len(vertices) + np.cumsum(long) - 1, -1)
    midpoints = bow(vertices, normals, edges[long], uses[long])
    return np.vstack([vertices, midpoints]), divide(faces, place[of_face])[0]
