"""A surface seen from the front and, at the same pixels, from behind."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.rendering.rasterize import rasterize

STAND = 8.0  # NDC units to the camera


def sides(points: NDArray, faces: NDArray, size: int, names: tuple[str, ...] = ("front", "back")) -> dict[str, NDArray]:
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
    away = torch.ones(len(faces), dtype=torch.bool)
    out: dict[str, NDArray] = {}
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


def coded(
    name: str, pixels: tuple[NDArray, NDArray], normals: NDArray, depth: NDArray, size: int
) -> dict[str, NDArray]:
    """normals_NAME and depth_NAME as `sides` gives them, from the values at N pixels (rows, columns)."""
    image, far = np.zeros((size, size, 3), np.int8), np.zeros((size, size), np.float16)
    image[pixels] = np.round(127 * normals)
    far[pixels] = depth
    return {f"normals_{name}": image, f"depth_{name}": far}
