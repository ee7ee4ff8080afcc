"""The dense grid: every texel a vertex, moved along the surface's normals by the displacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MARGIN_COLUMNS, MARGIN_ROWS = 2, 5  # texels at the edge that belong to no triangle


def grid_triangles(side: int) -> np.ndarray:
    """(F, 3) int64 triangles between the texels of an S x S map, texels numbered row by row.

    Example:
        >>> found = grid_triangles(256)
        >>> found.shape, found.min().item(), found.max().item()
        ((122990, 3), 1282, 64253)
    """
    rows = np.arange(MARGIN_ROWS, side - 1 - MARGIN_ROWS)
    columns = np.arange(MARGIN_COLUMNS, side - 1 - MARGIN_COLUMNS)
    first = (rows[None] * side + columns[:, None]).ravel()
    right, below, across = first + 1, first + side, first + side + 1
    return np.stack([[first, below, right], [right, below, across]], axis=0).transpose(2, 0, 1).reshape(-1, 3)


def cross(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """Cross products along a dimension of length 3; torch's own take ten times as long on a processor."""
    (ax, ay, az), (bx, by, bz) = a.unbind(dim), b.unbind(dim)
    return torch.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), dim)


def grid_normals(points: Tensor) -> Tensor:
    """(N, 3, S, S) unit normals of the grid, each the sum over its triangles by area; 0 in the margin.

    Args:
        points: (N, 3, S, S).
    """
    side = points.shape[-1]
    rows, columns = slice(MARGIN_ROWS, side - MARGIN_ROWS), slice(MARGIN_COLUMNS, side - MARGIN_COLUMNS)
    used = points[:, :, rows, columns]
    first, right = used[:, :, :-1, :-1], used[:, :, :-1, 1:]
    below, across = used[:, :, 1:, :-1], used[:, :, 1:, 1:]
    upper = cross(below - first, right - first, dim=1)
    lower = cross(below - right, across - right, dim=1)
    both, total = upper + lower, torch.zeros_like(points)
    inner = total[:, :, rows, columns]
    inner[:, :, :-1, :-1] += upper
    inner[:, :, :-1, 1:] += both
    inner[:, :, 1:, :-1] += both
    inner[:, :, 1:, 1:] += lower
    return functional.normalize(total, eps=1e-6, dim=1)


def displaced_normals(points: Tensor, normals: Tensor, displacement: Tensor, flip: bool) -> Tensor:
    """(N, 3, S, S) normals with the displacement's relief; not of unit length, as the published ones.

    Args:
        points, normals: (N, 3, S, S) of the surface, in one frame.
        displacement: (N, 1, S, S) in the unit of points, along the normals.
        flip: whether x and y of the grid's normals change sign, see `Compat.grid_normal_xy_flip`.
    """
    change = grid_normals(points + displacement * normals) - grid_normals(points)
    if flip:
        change = change * change.new_tensor([-1, -1, 1])[:, None, None]
    return normals + change


@dataclass(frozen=True, eq=False)
class DenseMesh:
    """The displaced grid as a mesh of its own, welded to the texels that a triangle covers.

    Attributes:
        vertices: (V, 3) float32 in the unit of the points. faces: (F, 3) int32, anticlockwise seen from outside.
        uvs: (V, 2) float32, v up, of the texels' centres. texels: (V,) int64 numbers of the texels.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    texels: np.ndarray


def dense_mesh(points: np.ndarray, covered: np.ndarray, shifted: bool = False) -> DenseMesh:
    """The mesh of a displaced grid.

    Args:
        points: (3, S, S) displaced. covered: (S, S) bool where there is surface.
        shifted: as the published files have it, every triangle a texel to the left.
    """
    triangles = grid_triangles(points.shape[-1])
    if shifted:
        triangles = triangles - 1
    return _welded(points, triangles[covered.ravel()[triangles].all(axis=1)])


def chart_mesh(points: np.ndarray, charts: np.ndarray) -> DenseMesh:
    """The mesh of a displaced grid of several charts: each four texels of one chart are two triangles.

    Args:
        points: (3, S, S) displaced. charts: (S, S) int, the number of the chart, -1 where there is no surface.
    """
    side = points.shape[-1]
    first = np.arange(side * side).reshape(side, side)[:-1, :-1]
    corners = np.stack([first, first + side, first + 1, first + side + 1], axis=-1).reshape(-1, 4)
    of = charts.ravel()[corners]
    corners = corners[(of[:, 0] >= 0) & (of == of[:, :1]).all(axis=1)]
    return _welded(points, np.concatenate([corners[:, [0, 1, 2]], corners[:, [2, 1, 3]]], axis=1).reshape(-1, 3))


def _welded(points: np.ndarray, triangles: np.ndarray) -> DenseMesh:
    side = points.shape[-1]
    texels, faces = np.unique(triangles, return_inverse=True)
    rows, columns = np.divmod(texels, side)
    uvs = np.stack([(columns + 0.5) / side, 1 - (rows + 0.5) / side], axis=1)
    vertices = np.ascontiguousarray(points.reshape(3, -1).T[texels], np.float32)
    return DenseMesh(vertices, faces.reshape(-1, 3).astype(np.int32), uvs.astype(np.float32), texels)


def tangent_map(position: Tensor, normals: Tensor, changed: Tensor) -> np.ndarray:
    """(S, S, 3) uint8 normal map: red along u, green along v, blue outwards.

    Args:
        position: (3, S, S) of the surface; normals: (3, S, S) of it; changed: (3, S, S) with the relief.
    """
    along = torch.gradient(position, dim=2)[0]
    tangent = functional.normalize(along - (along * normals).sum(0) * normals, dim=0)
    # Rows run down, v runs up.
    upwards = torch.linalg.cross(normals, tangent, dim=0)
    rising = -torch.gradient(position, dim=1)[0]
    upwards = upwards * torch.where((upwards * rising).sum(0) < 0, -1.0, 1.0)
    parts = torch.stack([(changed * axis).sum(0) for axis in (tangent, upwards, normals)], 2)
    return np.round(128 + 127 * parts.clamp(-1, 1).cpu().numpy()).clip(0, 255).astype(np.uint8)
