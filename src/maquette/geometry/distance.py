"""How far points lie from a closed surface, and on which side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.geometry.mesh import face_normals
from maquette.geometry.raycast import RayCaster

MOST_CROSSINGS = 40
SAMPLES = 30_000  # on the surface
NEAR = 1.5  # spacings of the samples: nearer than this the distance is to the plane of the nearest one


def winding(vertices: NDArray, faces: NDArray, points: NDArray) -> NDArray:
    """(N,) int: how often a closed surface goes round each point, by signed crossings of one ray.

    Counting with signs stays right where limbs run into each other, where the parity of the crossings does not.

    Args:
        vertices: (V, 3), faces: (F, 3), anticlockwise from outside. points: (N, 3).
    """
    normals = face_normals(vertices.astype(float), faces)
    caster = RayCaster(vertices, faces)
    # An odd direction, so that rays do not run along edges of a mesh that is symmetric.
    direction = np.array([0.5773, 0.3331, 0.7454])
    direction /= np.linalg.norm(direction)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    rest = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    origins, total = np.array(points, float), np.zeros(len(points), int)
    for _ in range(MOST_CROSSINGS):
        if not len(rest):
            break
        hit, _, distance = caster.first_hits(origins[rest], np.broadcast_to(direction, (len(rest), 3)))
        rest, hit, distance = rest[hit >= 0], hit[hit >= 0], distance[hit >= 0]
        total[rest] += np.sign(normals[hit] @ direction).astype(int)
        origins[rest] += (distance + 2e-6)[:, None] * direction
    return total


def signed_distance(vertices: NDArray, faces: NDArray, points: NDArray, farthest: float) -> NDArray:
    """(N,) float32 distance of points (N, 3) from a closed surface, negative inside, clamped to +-`farthest`.

    To the nearest of many points of the surface, and near it to the plane of its triangle.
    """
    normals = face_normals(vertices.astype(float), faces)
    area = np.linalg.norm(normals, axis=1)
    rng = np.random.default_rng(0)  # the same surface always gives the same distances
    chosen = rng.choice(len(area), SAMPLES, p=area / area.sum())
    first, second = np.sqrt(rng.random(SAMPLES)), rng.random(SAMPLES)
    weights = np.stack([1 - first, first * (1 - second), first * second], axis=1)
    samples = np.einsum("nk,nkd->nd", weights, vertices[faces[chosen]].astype(float))
    distance, at = cKDTree(samples, leafsize=32).query(points, distance_upper_bound=1.2 * farthest)
    found = np.flatnonzero(distance < NEAR * np.sqrt(area.sum() / 2 / SAMPLES))
    nearest = chosen[at[found]]
    off = points[found] - samples[at[found]]
    distance[found] = np.abs((off * normals[nearest]).sum(axis=1)) / np.maximum(area[nearest], 1e-12)
    inside = np.zeros(len(points), bool)
    close = np.flatnonzero((points >= vertices.min(axis=0)).all(axis=1) & (points <= vertices.max(axis=0)).all(axis=1))
    inside[close] = winding(vertices, faces, points[close]) > 0
    return np.where(inside, -1, 1).astype(np.float32) * np.minimum(distance, farthest).astype(np.float32)


@dataclass(frozen=True, eq=False)
class DistanceGrid:
    """Signed distances on the nodes of a cube, read off between them.

    Attributes:
        values: (R, R, R) float32 on nodes evenly from -1 to 1, both included.
    """

    values: NDArray

    @staticmethod
    def of(vertices: NDArray, faces: NDArray, farthest: float, resolution: int = 96) -> DistanceGrid:
        """The grid of a closed surface in the cube [-1, 1]^3; far from it `farthest` stands for all distances."""
        line = np.linspace(-1, 1, resolution)
        values = np.full((resolution,) * 3, farthest, np.float32)
        low = np.searchsorted(line, vertices.min(axis=0) - farthest)
        high = np.searchsorted(line, vertices.max(axis=0) + farthest)
        block = tuple(slice(a, b) for a, b in zip(low, high))
        nodes = np.stack(np.meshgrid(*(line[s] for s in block), indexing="ij"), axis=-1)
        if nodes.size:
            found = signed_distance(vertices, faces, nodes.reshape(-1, 3), farthest)
            values[block] = found.reshape(nodes.shape[:3])
        return DistanceGrid(values)

    def __call__(self, points: NDArray) -> NDArray:
        """(N,) float32 at points (N, 3) of the cube, trilinear; outside it that of its nearest point."""
        from scipy.ndimage import map_coordinates

        places = (np.asarray(points).T + 1) * (len(self.values) - 1) / 2
        return map_coordinates(self.values, places, order=1, mode="nearest", output=np.float32)
