"""A surface seen from the front and, at the same pixels, from behind; and which points lie in it."""

from __future__ import annotations

import numpy as np
import torch

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.rasterize import rasterize

Array = np.ndarray
STAND = 8.0  # NDC units to the camera
GRID = 160  # cells of the picture's side


def sides(points: Array, faces: Array, size: int, names: tuple[str, ...] = ("front", "back")) -> dict[str, Array]:
    """What an orthographic camera sees of a closed surface, and what it would see last through it.

    Args:
        points: (V, 3) NDC: x right, y up, z toward the viewer. faces: (F, 3).
        names: which of the two.

    Returns:
        normals_front, normals_back: (S, S, 3) int8 = 127 * unit normal in the same axes; 0 where nothing is.
        depth_front, depth_back: (S, S) float16 z; 0 where nothing is.
    """
    normals = torch.as_tensor(vertex_normals(points, faces), dtype=torch.float32)
    flat = np.stack([(points[:, 0] + 1) * size / 2, (1 - points[:, 1]) * size / 2, STAND - points[:, 2]], axis=1)
    away, out = torch.ones(len(faces), dtype=torch.bool), {}
    for name in names:
        sign = 1 if name == "front" else -1
        # From behind, what turns its back to the viewer is what is seen.
        index = torch.as_tensor(faces if sign > 0 else faces[:, [0, 2, 1]], dtype=torch.int64)
        at = torch.as_tensor(flat, dtype=torch.float32)
        at[:, 2] = STAND + sign * (at[:, 2] - STAND)
        seen = rasterize(at, index, (size, size), away)
        row, column = seen.hit.nonzero(as_tuple=True)
        turned = torch.nn.functional.normalize(seen.interpolate(normals, index), dim=1)
        depth = sign * (STAND - seen.depth[row, column])
        out |= coded(name, (row.numpy(), column.numpy()), turned.numpy(), depth.numpy(), size)
    return out


def coded(name: str, pixels: tuple[Array, Array], normals: Array, depth: Array, size: int) -> dict[str, Array]:
    """normals_NAME and depth_NAME as `sides` gives them, from the values at N pixels (rows, columns)."""
    image, far = np.zeros((size, size, 3), np.int8), np.zeros((size, size), np.float16)
    image[pixels] = np.round(127 * normals)
    far[pixels] = depth
    return {f"normals_{name}": image, f"depth_{name}": far}


def winding_ahead(vertices: Array, faces: Array, points: Array) -> Array:
    """(N,) int: how often a closed surface goes round each point, by the triangles between it and the viewer.

    As `bodies.winding`, along z; triangles are paired with points by cells of the picture, without a tree.

    Args:
        vertices: (V, 3) NDC. points: (N, 3) NDC, x and y within -1 to 1.
    """
    cells = np.clip(((points[:, :2] + 1) * (GRID / 2)).astype(int), 0, GRID - 1)
    cell = cells[:, 1] * GRID + cells[:, 0]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(GRID * GRID + 1))
    x, y, z = (vertices[:, k][faces.T] for k in range(3))  # (3, F) each
    low, high = (_cells(x, y, pick) for pick in (np.minimum, np.maximum))
    wide = high[0] + 1 - low[0]
    triangle, step = _counted(wide * (high[1] + 1 - low[1]))
    at = (low[1][triangle] + step // wide[triangle]) * GRID + low[0][triangle] + step % wide[triangle]
    pair, step = _counted(starts[at + 1] - starts[at])
    triangle, point = triangle[pair], order[starts[at[pair]] + step]
    right, up = x[:, triangle] - points[point, 0], y[:, triangle] - points[point, 1]
    weights = np.stack([right[k - 2] * up[k - 1] - right[k - 1] * up[k - 2] for k in range(3)])
    over = np.flatnonzero((weights > 0).all(axis=0) | (weights < 0).all(axis=0))
    weights, triangle, point = weights[:, over], triangle[over], point[over]
    whole = weights.sum(axis=0)
    height = (weights * z[:, triangle]).sum(axis=0) / whole - points[point, 2]
    signs = np.where(height > 0, np.sign(whole), 0)
    return np.round(np.bincount(point, signs, len(points))).astype(int)


def _cells(x: Array, y: Array, pick: np.ufunc) -> list[Array]:
    """The cell's column and row of triangles' lowest or highest corners, from corners (3, F)."""
    ends = (pick(pick(v[0], v[1]), v[2]) for v in (x, y))
    return [np.clip(((v + 1) * (GRID / 2)).astype(np.int64), 0, GRID - 1) for v in ends]


def _counted(counts: Array) -> tuple[Array, Array]:
    """For counts (N,): each index repeated as often, and the number of the repetition."""
    index = np.repeat(np.arange(len(counts)), counts)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
