"""Normals, areas and neighbours of triangle meshes."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


def face_normals(vertices: NDArray, faces: NDArray) -> NDArray:
    """(F, 3), length twice the triangle's area, pointing outwards for anticlockwise faces."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    return np.cross(b - a, c - a)


def vertex_normals(vertices: NDArray, faces: NDArray) -> NDArray:
    """(V, 3) unit, area weighted; zero where a vertex has no face."""
    normals = face_normals(vertices, faces)
    index = faces.ravel()
    weights = np.repeat(normals, 3, axis=0)
    total = np.stack([np.bincount(index, weights[:, k], len(vertices)) for k in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.maximum(length, 1e-20)


def face_areas(vertices: NDArray, faces: NDArray) -> NDArray:
    """(F,) square metres."""
    return 0.5 * np.linalg.norm(face_normals(vertices, faces), axis=1)


def adjacency(faces: NDArray, count: int) -> scipy.sparse.csr_matrix:
    """(V, V) symmetric 0/1 matrix of mesh edges."""
    rows = faces[:, [0, 1, 2, 1, 2, 0]].ravel()
    columns = faces[:, [1, 2, 0, 0, 1, 2]].ravel()
    matrix = scipy.sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count)).tocsr()
    matrix.data[:] = 1.0
    return matrix


def boundary_loops(faces: NDArray) -> list[NDArray]:
    """Closed loops of boundary vertices, longest first, each in the order of its faces' edges."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    span = int(edges.max()) + 1 if len(edges) else 1
    open_edges = edges[~np.isin(edges[:, 0] * span + edges[:, 1], edges[:, 1] * span + edges[:, 0])]
    following = dict(open_edges.tolist())
    loops = []
    while following:
        start, current = next(iter(following.items()))
        loop = [start]
        del following[start]
        while current != start and current in following:
            loop.append(current)
            current = following.pop(current)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)
