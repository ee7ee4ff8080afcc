"""Ray casting on triangle meshes, through Embree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.camera import pixel_rays

PARALLEL_STAND_M = 1.0  # how far before a mesh the parallel rays of an orthographic camera begin


class RayCaster:
    """A mesh ready for many rays.

    Args:
        vertices: (V, 3), metres.
        faces: (F, 3) int.
    """

    def __init__(self, vertices: NDArray, faces: NDArray) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        # Embree works in float32; a mesh of metres is scaled up so that its tolerances fit.
        self._scale = 1000.0
        self._scene = rtcore_scene.EmbreeScene()
        triangles = np.ascontiguousarray(np.asarray(vertices, np.float32)[faces] * self._scale)
        TriangleMesh(self._scene, triangles)

    def first_hits(self, origins: NDArray, directions: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """The first triangle along each ray.

        Args:
            origins: (N, 3), metres.
            directions: (N, 3), unit.

        Returns:
            faces: (N,) int, -1 where nothing is hit.
            barycentric: (N, 3), of the triangle's three corners; zero where nothing is hit.
            distance: (N,) metres, infinite where nothing is hit.
        """
        hit = self._scene.run(
            np.ascontiguousarray(origins * self._scale, np.float32),
            np.ascontiguousarray(directions, np.float32),
            output=True,
        )
        faces = np.asarray(hit["primID"]).astype(np.int64)
        missed = faces < 0
        u, v = np.asarray(hit["u"], float), np.asarray(hit["v"], float)
        barycentric = np.stack([1 - u - v, u, v], axis=1)
        barycentric[missed] = 0
        distance = np.where(missed, np.inf, np.asarray(hit["tfar"], float) / self._scale)
        return np.where(missed, -1, faces), barycentric, distance

    def occluded(self, points: NDArray, normals: NDArray, toward: NDArray, offset: float = 2e-4) -> NDArray:
        """(N,) bool: whether the mesh hides each surface point from the point `toward`.

        Args:
            points: (N, 3) on the surface, metres.
            normals: (N, 3) unit; rays start `offset` metres above the surface.
            toward: (3,), metres.
        """
        start = points + offset * normals
        away = toward - start
        reach = np.linalg.norm(away, axis=1)
        _, _, distance = self.first_hits(start, away / reach[:, None])
        return distance < reach - offset


def ambient_occlusion(vertices: NDArray, normals: NDArray, faces: NDArray, rays: int, reach: float) -> NDArray:
    """How open the sky is above each vertex, by cosine weighted rays on a spiral.

    Args:
        vertices: (V, 3), metres; normals: (V, 3) unit; faces: (F, 3).
        rays: per vertex.
        reach: metres beyond which nothing darkens.

    Returns:
        (V,) float32 in 0-1, 1 where nothing near covers the vertex.
    """
    k = np.arange(rays)
    height, turn = np.sqrt((k + 0.5) / rays), np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - height**2)
    local = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    other = np.where(np.abs(normals[:, :1]) > 0.7, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    tangent = np.cross(normals, other)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    frame = np.stack([tangent, np.cross(normals, tangent), normals], axis=1)
    directions = np.einsum("rk,vkd->vrd", local, frame).reshape(-1, 3)
    origins = np.repeat(vertices + 5e-4 * normals, rays, axis=0)
    distance = RayCaster(vertices, faces).first_hits(origins, directions)[2]
    return np.clip(distance / reach, 0, 1).reshape(len(vertices), rays).mean(axis=1).astype(np.float32)


def render_buffers(camera: Camera, vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """What each pixel of a camera sees of a mesh: one ray through each pixel centre.

    An orthographic camera stands nowhere: it sees the mesh at whatever depth that lies, also a negative one.

    Returns:
        face: (H, W) int, -1 for background.
        barycentric: (H, W, 3).
        depth: (H, W) metres along the camera's z axis, infinite for background.
    """
    width, height = camera.size
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    origins, directions = pixel_rays(camera, np.stack([x.ravel(), y.ravel()], axis=1))
    if camera.projection == "orthographic" and len(vertices):
        axis = camera.world_to_camera[2, :3]
        before = float((np.asarray(vertices) @ axis).min()) - PARALLEL_STAND_M
        origins = origins + (before - origins @ axis)[:, None] * directions
    face, barycentric, distance = RayCaster(vertices, faces).first_hits(origins, directions)
    with np.errstate(invalid="ignore"):
        points = origins + np.where(np.isfinite(distance), distance, 0)[:, None] * directions
    depth = points @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]
    depth[face < 0] = np.inf
    return face.reshape(height, width), barycentric.reshape(height, width, 3), depth.reshape(height, width)
