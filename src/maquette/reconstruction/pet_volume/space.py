"""Where the solid lies: pixels of a crop around the landmarks, and slices of depth about the eyes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.reconstruction.vrn.solid import CropProjection

FAR, NEAR = 0.55, 0.45  # of the crop's side, behind and before the middle of the eyes, that the slices reach


def slices(count: int, side: float) -> NDArray:
    """(D,) depth d of the slices' middles, pixels away from the camera; slice 0 is the farthest, d is 0 at the eyes."""
    return side * (FAR - (np.arange(count) + 0.5) / count * (FAR + NEAR))


def slice_at(depth: NDArray, count: int, side: float) -> NDArray:
    """Index of the slice at a depth, or between slices: the inverse of `slices`."""
    return (FAR - depth / side) / (FAR + NEAR) * count - 0.5


def projection_of(camera: NDArray) -> CropProjection:
    """How a head lies in a picture, from the (3, 4) matrix to pixels times depth and depth, the origin at its eyes."""
    rows = camera.astype(float) / float(camera[2, 3])
    away = rows[2, :3] / np.linalg.norm(rows[2, :3])
    across = rows[0, :3] - (rows[0, :3] @ away) * away
    focal = float(np.linalg.norm(across) / np.linalg.norm(rows[2, :3]))
    depth = focal * rows[2]
    depth[3] = 0.0
    return CropProjection(np.vstack([rows[:2], depth]), 1 / focal)


def places(projection: CropProjection, across: NDArray, down: NDArray, depths: NDArray) -> NDArray:
    """(D, H, W, 3) points of the head at crop pixels `across` (W,) and `down` (H,) and depths (D,)."""
    d, y, x = np.meshgrid(depths, down, across, indexing="ij")
    wide = 1 + projection.slope * d
    seen = np.stack([x * wide, y * wide, d], axis=-1) - projection.matrix[:, 3]
    inverse: NDArray = seen @ np.linalg.inv(projection.matrix[:, :3]).T
    return inverse
