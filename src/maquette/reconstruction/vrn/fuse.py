"""Volumes of several photos in one: warped into the head's frame, added as log-odds, each by how it sees a place.

Every photo's log-odds are evidence of their own, so they add up; what a photo sees at a grazing angle or from
behind counts less.
The sum does not depend on the order of the photos.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from maquette.core.types import Volume
from maquette.reconstruction.vrn.read import FrontPlane, FrontReading
from maquette.reconstruction.vrn.solid import CELL_M as CELL_OF_MAP
from maquette.reconstruction.vrn.solid import CORNER_M, CropProjection

CELL_M = 0.002
LOW_M, HIGH_M = np.array([-0.092, -0.150, -0.072]), np.array([0.092, 0.116, 0.072])
MIDDLE_M = np.array([0.0, -0.02, -0.07])  # seen from here, a place's direction stands for its surface's normal
LEAST = 0.05  # weight of a photo that sees a place from behind
SURE = 4.0  # log-odds; more is not counted
SMOOTH_M = 0.003  # spread of the Gaussian
BESIDE_M = 0.006  # what the fitted head's outline may be wrong by
EMPTY = -8.0  # log-odds where no photo shows anything


def canonical_grid() -> tuple[NDArray, NDArray]:
    """Points of the canonical grid (X, Y, Z, 3), metres, and its grid_to_world (4, 4)."""
    axes = [np.arange(low, high, CELL_M) for low, high in zip(LOW_M, HIGH_M)]
    matrix = np.diag([CELL_M, CELL_M, CELL_M, 1.0])
    matrix[:3, 3] = LOW_M
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1), matrix


def fused(
    readings: Sequence[FrontReading],
    heads: Sequence[CropProjection],
    planes: Sequence[FrontPlane],
    front: NDArray | None = None,
) -> Volume:
    """One occupancy grid in the head's frame, model metres.

    Args:
        readings: one per photo.
        heads: where the head lies in each one's crop.
        planes: of each photo, see `FrontReading.sample`.
        front: `solid.depth_map` of the head: the solid is the face alone; farther than BESIDE_M beside it, where no
            photo looks and the network guesses, it is left empty.
    """
    points, matrix = canonical_grid()
    shape, points = points.shape[:3], points.reshape(-1, 3)
    outward = points - MIDDLE_M
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    evidence, weights = [], []
    for reading, head, plane in zip(readings, heads, planes):
        logits = reading.sample(head.project(points), plane)
        toward = -head.matrix[2, :3] / np.linalg.norm(head.matrix[2, :3])
        weight = np.where(np.isfinite(logits), np.maximum(outward @ toward, 0.0) ** 2 + LEAST, 0.0)
        evidence.append(weight * np.nan_to_num(logits))
        weights.append(weight)
    # Sorted, sums come out the same to the last bit in any order.
    total, weight = (np.sort(np.stack(parts), axis=0).sum(axis=0) for parts in (evidence, weights))
    logits = np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), EMPTY)
    logits = logits.reshape(shape)
    if front is not None:
        logits = np.where(beside(front, points.reshape(*shape, 3)[:, :, 0, :2])[..., None], EMPTY, logits)
    # The logits saturate and would add up to terraces between the network's few columns: clipped, smoothed they do not.
    logits = gaussian_filter(np.clip(logits, -SURE, SURE).astype(np.float32), SMOOTH_M / CELL_M)
    return Volume(1 / (1 + np.exp(-logits)), matrix)


def beside(front: NDArray, places: NDArray) -> NDArray:
    """(...) bool: world x, y (..., 2) farther than BESIDE_M beside the face of a depth map."""
    apart = CELL_OF_MAP * distance_transform_edt(np.pad(~np.isfinite(front), 1, constant_values=True))[1:-1, 1:-1]
    column = (places[..., 0] - CORNER_M[0]) / CELL_OF_MAP - 0.5
    row = (CORNER_M[1] - places[..., 1]) / CELL_OF_MAP - 0.5
    return map_coordinates(apart, [row, column], order=1, mode="nearest") > BESIDE_M
