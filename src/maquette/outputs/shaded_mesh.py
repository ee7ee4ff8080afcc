"""A mesh made ready for pictures: finer, with normals and ambient occlusion per corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.geometry.raycast import ambient_occlusion

OCCLUSION_REACH_M = 0.06  # beyond this a surface no longer darkens its neighbour; about half a head
OCCLUSION_RAYS, FEWEST_RAYS = 32, 8  # per vertex
MOST_RAYS = 1_000_000  # in all; a mesh too dense for it takes fewer per vertex and smooths them
SMOOTHED = 2  # times


@dataclass(frozen=True, eq=False)
class Figure:
    """What a renderer needs of one part of a mesh.

    Attributes:
        vertices: (N, 3) float32 metres, world.
        faces: (F, 3) int32.
        normals: (N, 3) float32 unit.
        uvs: (N, 2) float32, v up; zeros without a texture.
        openness: (N,) float32 in 0-1, 1 = nothing near covers the vertex.
        tints: (N, 3) uint8 sRGB, or None.
    """

    vertices: NDArray
    faces: NDArray
    normals: NDArray
    uvs: NDArray
    openness: NDArray
    tints: NDArray | None = None

    def part(self, faces: NDArray) -> Figure:
        """The figure of some of its faces, given as (n,) indices."""
        used, inverse = np.unique(self.faces[faces], return_inverse=True)
        corners = inverse.reshape(-1, 3).astype(np.int32)
        tints = None if self.tints is None else self.tints[used]
        return Figure(self.vertices[used], corners, self.normals[used], self.uvs[used], self.openness[used], tints)


def own_colours(mesh: Mesh) -> NDArray | None:
    """(V, 3) uint8 sRGB of the vertices where no texture tells more; else None."""
    return mesh.vertex_colors if mesh.texture is None else None


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
    rays = int(np.clip(MOST_RAYS // len(vertices), FEWEST_RAYS, OCCLUSION_RAYS))
    light = ambient_occlusion(vertices, normals, faces, rays, OCCLUSION_REACH_M)
    if rays < OCCLUSION_RAYS:
        near = adjacency(faces, len(vertices))
        count = 1 + np.asarray(near.sum(axis=1)).ravel()
        for _ in range(SMOOTHED):
            light = (light + near @ light) / count
    return light.astype(np.float32)


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


def bowed(vertices: NDArray, normals: NDArray, edges: NDArray, uses: NDArray) -> NDArray:
    """(E, 3) midpoints of edges, pushed out onto the curve that the normals suggest.

    Phong tessellation (Boubekeur and Alexa 2008). Rims (edges of one face) stay straight, so that parts still meet.
    """
    a, b = vertices[edges[:, 0]], vertices[edges[:, 1]]
    na, nb = normals[edges[:, 0]], normals[edges[:, 1]]
    flat = (a + b) / 2
    pull_a = np.sum((flat - a) * na, axis=1, keepdims=True) * na
    pull_b = np.sum((flat - b) * nb, axis=1, keepdims=True) * nb
    return flat - np.where(uses[:, None] == 2, 0.75, 0.0) * (pull_a + pull_b) / 2


def divided(faces: NDArray, middle: NDArray) -> tuple[NDArray, NDArray]:
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


def rounded(vertices: NDArray, faces: NDArray, normals: NDArray) -> tuple[NDArray, NDArray]:
    """(V', 3) vertices and (4F, 3) faces of a mesh with each triangle split in four and bowed outwards."""
    edges, of_face, uses = edges_of(faces, len(vertices))
    midpoints = bowed(vertices, normals, edges, uses)
    return np.vstack([vertices, midpoints]), divided(faces, of_face + len(vertices))[0]


def make_figure(
    vertices: NDArray,
    faces: NDArray,
    uvs: NDArray | None = None,
    uv_faces: NDArray | None = None,
    longest: float = np.inf,
    tints: NDArray | None = None,
) -> tuple[Figure, NDArray]:
    """Normals and openness of a mesh, its long edges split and bowed once, its uv seams split.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) int32.
        uvs, uv_faces: (T, 2) and (F, 3), or None.
        longest: edges longer than this are split, metres.
        tints: (V, 3) uint8 sRGB, or None.

    Returns:
        figure: the finer mesh.
        origin: the face of the given mesh that each of its faces came from.
    """
    vertices, uvs = np.asarray(vertices, float), np.zeros((len(vertices), 2)) if uvs is None else uvs
    uv_faces = faces if uv_faces is None else uv_faces
    normals = vertex_normals(vertices, faces)
    light = openness(vertices, faces, normals)
    edges, of_face, uses = edges_of(faces, len(vertices))
    long = np.linalg.norm(np.diff(vertices[edges], axis=1)[:, 0], axis=1) > longest
    uv_edges, uv_of_face, _ = edges_of(uv_faces, len(uvs))
    finer, origin = divided(faces, np.where(long[of_face], of_face + len(vertices), -1))
    uv_finer, _ = divided(uv_faces, np.where(long[of_face], uv_of_face + len(uvs), -1))
    between = normals[edges].sum(axis=1)  # interpolated, not recomputed: the given mesh's shading stays smooth
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-12)
    corners, vertex_of, uv_of = split_seams(finer, uv_finer)
    figure = Figure(
        np.concatenate([vertices, bowed(vertices, normals, edges, uses)])[vertex_of].astype(np.float32),
        corners,
        np.concatenate([normals, between])[vertex_of].astype(np.float32),
        np.concatenate([uvs, uvs[uv_edges].mean(axis=1)])[uv_of].astype(np.float32),
        np.concatenate([light, light[edges].mean(axis=1)])[vertex_of].astype(np.float32),
        None if tints is None else np.concatenate([tints, tints[edges].mean(axis=1).astype(np.uint8)])[vertex_of],
    )
    return figure, origin
