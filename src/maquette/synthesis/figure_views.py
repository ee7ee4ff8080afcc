"""Normals and depth of a surface from the front and, at the same pixels, from behind."""

from __future__ import annotations

import numpy as np
import torch

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.rasterize import rasterize

Array = np.ndarray
STAND = 8.0  # NDC units to the camera


def sides(points: Array, faces: Array, size: int) -> dict[str, Array]:
    """What an orthographic camera sees of a closed surface, and what it would see last through it.

    Args:
        points: (V, 3) NDC: x right, y up, z toward the viewer. faces: (F, 3).

    Returns:
        normals_front, normals_back: (S, S, 3) int8 = 127 * unit normal in the same axes; 0 where nothing is.
        depth_front, depth_back: (S, S) float16 z; 0 where nothing is.
    """
    normals = torch.as_tensor(vertex_normals(points, faces), dtype=torch.float32)
    index = torch.as_tensor(faces, dtype=torch.int64)
    flat = np.stack([(points[:, 0] + 1) * size / 2, (1 - points[:, 1]) * size / 2, STAND - points[:, 2]], axis=1)
    out = {}
    away = torch.ones(len(index), dtype=torch.bool)
    for name, sign in (("front", 1), ("back", -1)):
        # From behind, what turns its back to the viewer is what is seen.
        index = index if sign > 0 else index[:, [0, 2, 1]]
        at = torch.as_tensor(flat, dtype=torch.float32)
        at[:, 2] = STAND + sign * (at[:, 2] - STAND)
        seen = rasterize(at, index, (size, size), away)
        row, column = seen.hit.nonzero(as_tuple=True)
        turned = torch.nn.functional.normalize(seen.interpolate(normals, index), dim=1)
        image = np.zeros((size, size, 3), np.int8)
        image[row, column] = torch.round(127 * turned).to(torch.int8).numpy()
        depth = np.zeros((size, size), np.float16)
        depth[row, column] = (sign * (STAND - seen.depth[row, column])).numpy()
        out |= {f"normals_{name}": image, f"depth_{name}": depth}
    return out
