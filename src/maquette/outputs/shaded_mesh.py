"""A mesh made ready for pictures: finer, with normals and ambient occlusion per corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh, Part
from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.geometry.raycast import ambient_occlusion
from maquette.geometry.subdivision import bow, divide, edges_of
from maquette.outputs.meshes.weld import split_seams

OCCLUSION_REACH_M = 0.06  # beyond this a surface no longer darkens its neighbour; about half a head
OCCLUSION_RAYS, FEWEST_RAYS = 32, 8  # per vertex
MOST_RAYS = 1_000_000  # in all; a mesh too dense for it takes fewer per vertex and smooths them
SMOOTHED = 2  # times


@dataclass(frozen=True, eq=False)
class ShadedMesh:
    """What a renderer needs of one part of a mesh.

    Attributes:
        vertices: (N, 3) float32 metres, world.
        faces: (F, 3) int32.
        normals: (N, 3) float32 unit.
        uvs: (N, 2) float32, v up; zeros without a texture.
        openness: (N,) float32 in 0-1, 1 = nothing near covers the vertex.
        colours: (N, 3) uint8 sRGB, or None.
    """

    vertices: NDArray
    faces: NDArray
    normals: NDArray
    uvs: NDArray
    openness: NDArray
    colours: NDArray | None = None

    def part(self, faces: NDArray) -> ShadedMesh:
        """Some of its faces, given as (n,) indices."""
        used, inverse = np.unique(self.faces[faces], return_inverse=True)
        corners = inverse.reshape(-1, 3).astype(np.int32)
        colours = None if self.colours is None else self.colours[used]
        return ShadedMesh(
            self.vertices[used], corners, self.normals[used], self.uvs[used], self.openness[used], colours
        )


def own_colours(mesh: Mesh) -> NDArray | None:
    """(V, 3) uint8 sRGB of the vertices where no texture shows more; else None."""
    return mesh.vertex_colors if mesh.texture is None else None


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


def part_normals(part: Part) -> NDArray:
    """(V, 3) float32 unit normals by which hair or the like is lit."""
    if part.normals is not None:
        return part.normals
    return vertex_normals(part.mesh.vertices.astype(float), part.mesh.faces).astype(np.float32)


def plain_mesh(part: Part, vertices: NDArray) -> ShadedMesh:
    """Hair or the like as it is, its vertices (V, 3) moved; nothing darkens its folds but its texture."""
    mesh = part.mesh
    assert mesh.uvs is not None and mesh.uv_faces is not None, "checked when it was made"
    corners, vertex_of, uv_of = split_seams(mesh.faces, mesh.uv_faces)
    light = np.ones(len(vertex_of), np.float32)
    return ShadedMesh(vertices[vertex_of], corners, part_normals(part)[vertex_of], mesh.uvs[uv_of], light)


def shade_mesh(
    vertices: NDArray,
    faces: NDArray,
    uvs: NDArray | None = None,
    uv_faces: NDArray | None = None,
    longest: float = np.inf,
    colours: NDArray | None = None,
) -> tuple[ShadedMesh, NDArray]:
    """Normals and openness of a mesh, its long edges split and bowed once, its uv seams split.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) int32.
        uvs, uv_faces: (T, 2) and (F, 3), or None.
        longest: edges longer than this are split, metres.
        colours: (V, 3) uint8 sRGB, or None.

    Returns:
        shaded: the finer mesh.
        origin: the face of the given mesh that each of its faces came from.
    """
    vertices, uvs = np.asarray(vertices, float), np.zeros((len(vertices), 2)) if uvs is None else uvs
    uv_faces = faces if uv_faces is None else uv_faces
    normals = vertex_normals(vertices, faces)
    light = openness(vertices, faces, normals)
    edges, of_face, uses = edges_of(faces, len(vertices))
    long = np.linalg.norm(np.diff(vertices[edges], axis=1)[:, 0], axis=1) > longest
    uv_edges, uv_of_face, _ = edges_of(uv_faces, len(uvs))
    finer, origin = divide(faces, np.where(long[of_face], of_face + len(vertices), -1))
    uv_finer, _ = divide(uv_faces, np.where(long[of_face], uv_of_face + len(uvs), -1))
    between = normals[edges].sum(axis=1)  # interpolated, not recomputed: the given mesh's shading stays smooth
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-12)
    corners, vertex_of, uv_of = split_seams(finer, uv_finer)
    shaded = ShadedMesh(
        np.concatenate([vertices, bow(vertices, normals, edges, uses)])[vertex_of].astype(np.float32),
        corners,
        np.concatenate([normals, between])[vertex_of].astype(np.float32),
        np.concatenate([uvs, uvs[uv_edges].mean(axis=1)])[uv_of].astype(np.float32),
        np.concatenate([light, light[edges].mean(axis=1)])[vertex_of].astype(np.float32),
        None if colours is None else np.concatenate([colours, colours[edges].mean(axis=1).astype(np.uint8)])[vertex_of],
    )
    return shaded, origin
