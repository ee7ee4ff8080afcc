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


def vertex_tangents(vertices: NDArray, faces: NDArray, uvs: NDArray, normals: NDArray) -> NDArray:
    """(V, 4) float32: unit tangents along u, and the side of the bitangent: cross(normal, tangent) times it is along v.

    Args:
        vertices: (V, 3), one per texture coordinate: seams are split. faces: (F, 3).
        uvs: (V, 2), v up. normals: (V, 3) unit.
    """
    a, b, c = (faces[:, k] for k in range(3))
    edges = np.stack([vertices[b] - vertices[a], vertices[c] - vertices[a]], axis=1).astype(float)
    steps = np.stack([uvs[b] - uvs[a], uvs[c] - uvs[a]], axis=1).astype(float)
    area = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 0, 1] * steps[:, 1, 0]
    # Times twice the area in the texture: large triangles count most, mirrored ones keep their sign.
    sign = np.sign(area)[:, None]
    along_u = sign * (edges[:, 0] * steps[:, 1, 1:] - edges[:, 1] * steps[:, 0, 1:])
    along_v = sign * (edges[:, 1] * steps[:, 0, :1] - edges[:, 0] * steps[:, 1, :1])
    total = np.zeros((2, len(vertices), 3))
    for k in range(3):
        for axis, values in enumerate((along_u, along_v)):
            for xyz in range(3):
                total[axis, :, xyz] += np.bincount(faces[:, k], values[:, xyz], len(vertices))
    tangent = total[0] - (total[0] * normals).sum(axis=1, keepdims=True) * normals
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    # Where u stands still any direction within the surface will do.
    other = np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    tangent = np.where(length > 1e-12, tangent / np.maximum(length, 1e-12), other)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    side = np.where((np.cross(normals, tangent) * total[1]).sum(axis=1) < 0, -1.0, 1.0)
    return np.column_stack([tangent, side]).astype(np.float32)


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
