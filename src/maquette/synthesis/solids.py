"""Solids to build things from: tubes along curves, grids, blocks, balls, rounded boxes. Metres; faces outward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.alignment import Similarity

AROUND = 20  # corners of a tube's section


class Solid(NamedTuple):
    """Vertices (V, 3), metres, and faces (F, 3)."""

    vertices: NDArray
    faces: NDArray


@dataclass(frozen=True, eq=False)
class ChartedSolid:
    """A closed surface with cloth coordinates.

    Attributes:
        vertices: (V, 3) float32 metres. faces: (F, 3) int32, anticlockwise from outside.
        cloth: (T, 2) float32 metres round and down; cloth_faces: (F, 3) int32 into them.
    """

    vertices: NDArray
    faces: NDArray
    cloth: NDArray
    cloth_faces: NDArray

    def moved(self, motion: Similarity) -> ChartedSolid:
        """The solid after a motion."""
        return ChartedSolid(motion.apply(self.vertices).astype(np.float32), self.faces, self.cloth, self.cloth_faces)


def joined(solids: list[Solid]) -> Solid:
    """One mesh of several."""
    shifts = np.cumsum([0, *(len(v) for v, _ in solids[:-1])])
    vertices = np.concatenate([v for v, _ in solids]).astype(np.float32)
    return Solid(vertices, np.concatenate([f + s for (_, f), s in zip(solids, shifts)]).astype(np.int32))


def grid_faces(rows: int, columns: int, around: bool = False) -> NDArray:
    """(F, 3) triangles of a grid of vertices; around: the last column meets the first. Row x column is outward."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if around:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = (x.ravel() for x in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def tube(path: NDArray, width: NDArray | float, height: NDArray | float, up: NDArray, closed: bool = False) -> Solid:
    """A tube with an elliptic section along a path.

    Args:
        path: (n, 3).
        width, height: half extents across and along `up`, one or (n,).
        up: (3,) or (n, 3): direction of the section's height, made square to the path.
        closed: the path's end meets its start.
    """
    count, sides = len(path), 8
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    along = along / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-12)
    up = np.broadcast_to(np.asarray(up, float), path.shape)
    across = np.cross(along, up)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-12
    up = np.cross(across, along)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    width, height = (np.broadcast_to(np.asarray(x, float), count)[:, None, None] for x in (width, height))
    ring = width * np.cos(angle)[None, :, None] * across[:, None] + height * np.sin(angle)[None, :, None] * up[:, None]
    vertices = (path[:, None] + ring).reshape(-1, 3)
    faces = grid_faces(count, sides, around=True)
    if closed:
        seam = grid_faces(2, sides, around=True)
        faces = np.concatenate([faces, np.where(seam < sides, seam + (count - 1) * sides, seam - sides)])
    else:
        corner = np.arange(1, sides - 1)
        start = np.stack([0 * corner, corner, corner + 1], axis=1)
        faces = np.concatenate([faces, start, (start + (count - 1) * sides)[:, ::-1]])
    return Solid(vertices, _outward(vertices, faces))


def _outward(vertices: NDArray, faces: NDArray) -> NDArray:
    """The faces turned so that the solid's signed volume is positive."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    middle = vertices.mean(axis=0)
    volume = np.einsum("nk,nk->", a - middle, np.cross(b - middle, c - middle))
    return faces if volume >= 0 else faces[:, ::-1]


def fan(outline: NDArray, toward: NDArray) -> Solid:
    """A flat lid on a closed outline (n, 3) that faces `toward` (3,)."""
    count = len(outline)
    vertices = np.concatenate([outline, outline.mean(axis=0, keepdims=True)])
    order = np.arange(count)
    faces = np.stack([order, (order + 1) % count, np.full(count, count)], axis=1)
    normal = np.cross(outline[1] - outline[0], vertices[-1] - outline[0])
    return Solid(vertices, faces if normal @ toward > 0 else faces[:, ::-1])


def ball(centre: NDArray, axes: NDArray) -> Solid:
    """An ellipsoid with axes in the rows of (3, 3), metres."""
    polar, turn = np.meshgrid(np.linspace(0.02, np.pi - 0.02, 8), np.linspace(0, 2 * np.pi, 12, False), indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1).reshape(-1, 3)
    vertices = centre + unit @ axes
    return Solid(vertices, _outward(vertices, grid_faces(8, 12, around=True)))


def block(centre: NDArray, axes: NDArray) -> Solid:
    """A box with half extents in the rows of (3, 3), metres; its corners are its own, so edges look sharp."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    solids = []
    for k in range(3):
        for side in (-1, 1):
            i, j = (k + 1) % 3, (k + 2) % 3
            corners = centre + side * axes[k] + signs[:, :1] * axes[i] + signs[:, 1:] * axes[j]
            faces = np.array([[0, 1, 2], [0, 2, 3]])
            normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            solids.append(Solid(corners, faces if normal @ axes[k] * side > 0 else faces[:, ::-1]))
    return joined(solids)


def swept_tube(path: NDArray, radii: NDArray) -> ChartedSolid:
    """A tube with rounded ends along a path (N, 3), metres; radii (N,)."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [1.0, 0.05, 0.1])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    turn = np.arange(AROUND) * 2 * np.pi / AROUND
    other = np.cross(along, across)
    rings = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * other[:, None]
    return _closed_rings(path[:, None] + radii[:, None, None] * rings)


def rounded_box(middle: NDArray, radii: NDArray, power: float = 1.0) -> ChartedSolid:
    """An ellipsoid, metres; with a power below 1 a rounded box."""
    polar = np.linspace(0.03, np.pi - 0.03, 14)
    turn = -np.arange(AROUND) * 2 * np.pi / AROUND

    def bent(values: NDArray) -> NDArray:
        return np.sign(values) * np.abs(values) ** power

    x = bent(np.sin(polar))[:, None] * bent(np.sin(turn))
    z = bent(np.sin(polar))[:, None] * bent(np.cos(turn))
    y = np.broadcast_to(bent(np.cos(polar))[:, None], x.shape)
    return _closed_rings(middle + radii * np.stack([x, y, z], axis=2))


def _closed_rings(rings: NDArray) -> ChartedSolid:
    """(N, M, 3) rings, one after the other, closed at both ends."""
    count, columns = rings.shape[:2]
    grid = np.arange(count * columns).reshape(count, columns)
    after = np.roll(grid, -1, axis=1)
    a, b, c, d = (g.ravel() for g in (grid[:-1], grid[1:], after[1:], after[:-1]))
    first, last = count * columns, count * columns + 1
    ends = [
        np.stack([grid[0], after[0], np.full(columns, first)], 1)[:, [0, 2, 1]],
        np.stack([grid[-1], after[-1], np.full(columns, last)], 1),
    ]
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1), *ends]).astype(np.int32)
    vertices = np.concatenate([rings.reshape(-1, 3), [rings[0].mean(0), rings[-1].mean(0)]]).astype(np.float32)
    off = vertices[faces].astype(np.float64) - vertices.mean(axis=0)
    if np.linalg.det(off).sum() < 0:  # the rings run the other way round
        faces = faces[:, ::-1]
    u = np.tile(np.arange(columns) * 0.01, count)
    v = np.repeat(np.arange(count) * -0.02, columns)
    cloth = np.concatenate([np.stack([u, v], 1), [[0, 0], [0, v[-1]]]]).astype(np.float32)
    return ChartedSolid(vertices, faces, cloth, faces)
