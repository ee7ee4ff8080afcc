"""Boxes (4,) x0, y0, x1, y1 in a picture: around a mask, and how much two of them overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def intersection_over_union(first: NDArray, second: NDArray) -> float:
    """0-1: common area of two boxes over what they cover together."""
    common = _common(first, second)
    union = _area(first) + _area(second) - common
    return float(common / max(union, 1e-9))


def overlap(first: NDArray, second: NDArray) -> float:
    """0-1: common area of two boxes as share of the smaller one."""
    return float(_common(first, second) / max(min(_area(first), _area(second)), 1e-9))


def covered(first: NDArray, second: NDArray) -> float:
    """0-1: common area of two boxes as share of the first one."""
    return float(_common(first, second) / max(_area(first), 1e-9))


def box_of_mask(mask: NDArray) -> NDArray | None:
    """(4,) around where a mask (H, W) is above a half, in its pixels; None where it is nowhere."""
    inside = mask > 0.5
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if not len(columns):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def clipped(box: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) the box within a picture of (width, height)."""
    return np.clip(box, 0, np.tile(np.asarray(size, float), 2))


def _common(first: NDArray, second: NDArray) -> float:
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    return float(np.prod(np.maximum(sides, 0)))


def _area(box: NDArray) -> float:
    return float(np.prod(box[2:] - box[:2]))
