"""Closing holes and joining what touches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def filled(vertices: NDArray, faces: NDArray, loop: NDArray, apex: NDArray) -> tuple[NDArray, NDArray]:
    """Close a boundary loop with a fan around a new vertex at `apex`, (3,)."""
    tip = np.full(len(loop), len(vertices))
    fan = np.stack([np.roll(loop, -1), loop, tip], axis=1)
    return np.vstack([vertices, apex]), np.vstack([faces, fan])


def extruded(vertices: NDArray, faces: NDArray, loop: NDArray, ring: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """A wall from a boundary loop to a ring of new vertices, (n, 3), one per loop vertex; also the new loop."""
    below = len(vertices) + np.arange(len(loop))
    following, below_following = np.roll(loop, -1), np.roll(below, -1)
    # The loop runs along its faces' edges, so a wall runs against it.
    wall = [np.stack([following, loop, below], axis=1), np.stack([following, below, below_following], axis=1)]
    return np.vstack([vertices, ring]), np.vstack([faces, *wall]), below


def welded(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Join vertices at the same place (within a micrometre); triangles that collapse are dropped."""
    keys = np.round(vertices * 1e6).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    faces = inverse.ravel()[faces]
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return vertices[first], faces[real]
