"""The square around a person from which the published PIFuHD reads: its own rule, number for number.

Convention:
    A rect is (4,) int64 x, y, width, height in pixels of the picture; it may reach beyond it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

SURE, THERE = 0.5, 0.2  # confidences of the published rule: a point is sure, is there at all
FEET = (11, 19, 21, 22)  # "body25": without the left ankle and the right heel, as published
HIPS = 8  # "body25": their middle


def published_rect(points: NDArray) -> NDArray:
    """The square of PIFuHD's image reader around one person (Saito et al. 2020, its released code).

    Args:
        points: (25, 3), scheme "body25": x, y in pixels of the picture, confidence 0-1.

    Returns:
        (4,) int64 rect.

    Raises:
        BadInput: the points that the rule needs are not there.
    """
    if (points[list(FEET), 2] > SURE).any():
        centre, radius = _around(points[points[:, 2] > THERE, :2])
    else:
        sure = points[:, 2] > SURE
        if not sure.any() or points[HIPS, 2] <= 0:
            raise BadInput("key points: neither feet nor hips are there, so the size of the person is unknown")
        centre, radius = _from_hips(points[HIPS, :2], points[sure, :2])
    if radius < 1:
        raise BadInput("key points: they all lie on one spot: detect them again")
    return np.array([centre[0] - radius, centre[1] - radius, 2 * radius, 2 * radius], np.int64)


def _around(points: NDArray) -> tuple[NDArray, int]:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.trunc((low + high) / 2).astype(np.int64), int(0.65 * max(high - low))


def _from_hips(hips: NDArray, points: NDArray) -> tuple[NDArray, int]:
    centre = np.trunc(hips).astype(np.int64)
    radius = int(1.45 * np.linalg.norm(points - centre, axis=1).max())
    return centre + np.array([0, int(0.05 * radius)]), radius
