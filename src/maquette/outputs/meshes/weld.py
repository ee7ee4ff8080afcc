"""Closing holes, joining what touches, parting what meets at a seam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill(vertices: NDArray, faces: NDArray, loop: NDArray, apex: NDArray) -> tuple[NDArray, NDArray]:
    """Close a boundary loop with a fan around a new vertex at `apex`, (3,)."""
    tip = np.full(len(loop), len(vertices))
    fan = np.stack([np.roll(loop, -1), loop, tip], axis=1)
    return np.vstack([vertices, apex]), np.vstack([faces, fan])


def extrude(vertices: NDArray, faces: NDArray, loop: NDArray, ring: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """A wall from a boundary loop to a ring of new vertices, (n, 3), one per loop vertex; also the new loop."""
    below = len(vertices) + np.arange(len(loop))
    following, below_following = np.roll(loop, -1), np.roll(below, -1)
    # The loop runs along its faces' edges, so a wall runs against it.
    wall = [np.stack([following, loop, below], axis=1), np.stack([following, below, below_following], axis=1)]
    return np.vstack([vertices, ring]), np.vstack([faces, *wall]), below


def weld(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Join vertices at the same place (within a micrometre); triangles that collapse are dropped."""
    keys = np.round(vertices * 1e6).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    faces = inverse.ravel()[faces]
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return vertices[first], faces[real]


def split_seams(faces: NDArray, uv_faces: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """One index per corner where position and uv have their own.

    Returns:
        faces: (F, 3) int32 into the pairs.
        vertex_of: (N,) int, the vertex of each pair.
        uv_of: (N,) int, the uv of each pair.

    Example:
        >>> split_seams(np.array([[0, 1, 2]]), np.array([[5, 4, 3]]))[1:]
        (array([0, 1, 2]), array([5, 4, 3]))
    """
    span = int(uv_faces.max()) + 1
    keys, inverse = np.unique(faces.astype(np.int64).ravel() * span + uv_faces.ravel(), return_inverse=True)
    return inverse.reshape(-1, 3).astype(np.int32), keys // span, keys % span
