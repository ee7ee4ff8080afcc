"""A mesh made ready for pictures: finer, with normals and ambient occlusion per corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster

OCCLUSION_REACH_M = 0.06  # beyond this a surface no longer darkens its neighbour; about half a head
OCCLUSION_RAYS = 32


@dataclass(frozen=True, eq=False)
class Figure:
    """What a renderer needs of one part of a mesh.

    Attributes:
        vertices: (N, 3) float32 metres, world.
        faces: (F, 3) int32.
        normals: (N, 3) float32 unit.
        uvs: (N, 2) float32, v up; zeros without a texture.
        openness: (N,) float32 in 0-1, 1 = nothing near covers the vertex.
    """

    vertices: NDArray
    faces: NDArray
    normals: NDArray
    uvs: NDArray
    openness: NDArray

    def part(self, faces: NDArray) -> Figure:
        """The figure of some of its faces, given as (n,) indices."""
        used, inverse = np.unique(self.faces[faces], return_inverse=True)
        corners = inverse.reshape(-1, 3).astype(np.int32)
        return Figure(self.vertices[used], corners, self.normals[used], self.uvs[used], self.openness[used])


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


def openness(vertices: NDArray, faces: NDArray, normals: NDArray) -> NDArray:
    """(V,) float32 in 0-1: the share of the sky above each vertex that nothing near covers (ambient occlusion)."""
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(OCCLUSION_RAYS)
    height = np.sqrt((np.arange(OCCLUSION_RAYS) + 0.5) / OCCLUSION_RAYS)  # cosine weighted
    local = np.stack([np.sqrt(1 - height**2) * np.cos(turn), np.sqrt(1 - height**2) * np.sin(turn), height], axis=1)
    helper = np.where(np.abs(normals[:, :1]) > 0.7, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(normals, helper)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    frame = np.stack([side, np.cross(normals, side), normals], axis=1)
    directions = np.einsum("rk,vkd->vrd", local, frame).reshape(-1, 3)
    starts = np.repeat(vertices + 5e-4 * normals, OCCLUSION_RAYS, axis=0)
    _, _, distance = RayCaster(vertices, faces).first_hits(starts, directions)
    free = np.clip(distance / OCCLUSION_REACH_M, 0, 1).reshape(-1, OCCLUSION_RAYS)
    return free.mean(axis=1).astype(np.float32)


def rounded(vertices: NDArray, faces: NDArray, normals: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Split each triangle in four and bow the new corners outwards (Phong tessellation, Boubekeur and Alexa 2008).

    Returns:
        midpoints: (E, 3) positions of the new vertices, one per edge; the given vertices stay where they are.
        edges: (E, 2) their two ends.
        faces: (4F, 3) int32; the new vertices follow the given ones; faces 4i..4i+3 come from face i.
    """
    corners = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    low, high = corners.min(axis=1), corners.max(axis=1)
    keys, inverse, count = np.unique(low * len(vertices) + high, return_inverse=True, return_counts=True)
    edges = np.stack([keys // len(vertices), keys % len(vertices)], axis=1)
    a, b = vertices[edges[:, 0]], vertices[edges[:, 1]]
    flat = (a + b) / 2
    na, nb = normals[edges[:, 0]], normals[edges[:, 1]]
    pull_a = np.sum((flat - a) * na, axis=1, keepdims=True) * na
    pull_b = np.sum((flat - b) * nb, axis=1, keepdims=True) * nb
    bow = np.where(count[:, None] == 2, 0.75, 0.0)  # rims stay straight, so that neighbouring parts still meet
    midpoints = flat - bow * (pull_a + pull_b) / 2
    middle = inverse.reshape(-1, 3) + len(vertices)
    ab, bc, ca = middle[:, 0], middle[:, 1], middle[:, 2]
    a, b, c = faces.T
    fine = np.stack([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], axis=1).reshape(-1, 3)
    return midpoints, edges, fine.astype(np.int32)


def make_figure(
    vertices: NDArray, faces: NDArray, uvs: NDArray | None = None, uv_faces: NDArray | None = None, levels: int = 1
) -> Figure:
    """Normals and openness of a mesh, `levels` times subdivided, its uv seams split.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) int32.
        uvs, uv_faces: (T, 2) and (F, 3), or None.
    """
    vertices = np.asarray(vertices, float)
    normals = vertex_normals(vertices, faces)
    light = openness(vertices, faces, normals)
    if uvs is None:
        uvs, uv_faces = np.zeros((len(vertices), 2), np.float32), faces
    for _ in range(levels):
        midpoints, edges, finer = rounded(vertices, faces, normals)
        _, uv_edges, uv_faces = rounded(np.pad(uvs, ((0, 0), (0, 1))), uv_faces, np.zeros((len(uvs), 3)))
        uvs = np.concatenate([uvs, uvs[uv_edges].mean(axis=1)])
        light = np.concatenate([light, light[edges].mean(axis=1)])
        vertices, faces = np.concatenate([vertices, midpoints]), finer
        between = normals[edges].sum(axis=1)  # interpolated, not recomputed: the given mesh's shading stays smooth
        between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-12)
        normals = np.concatenate([normals, between])
    corners, vertex_of, uv_of = split_seams(faces, uv_faces)
    return Figure(
        vertices[vertex_of].astype(np.float32),
        corners,
        normals[vertex_of].astype(np.float32),
        uvs[uv_of].astype(np.float32),
        light[vertex_of].astype(np.float32),
    )
