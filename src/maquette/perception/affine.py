"""Affine maps of pictures and points; the first pixel is centred on (0.5, 0.5)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def warp(pixels: NDArray, matrix: NDArray, size: tuple[int, int]) -> NDArray:
    """cv2.warpAffine for our pixels; beyond the picture its edge goes on.

    Args:
        matrix: (2, 3), from pixels of the source to pixels of the result.
        size: (width, height) of the result.
    """
    shifted = for_cv2(matrix)
    enlarges = abs(np.linalg.det(shifted[:, :2])) > 1.0
    flags = cv2.INTER_CUBIC if enlarges else cv2.INTER_LINEAR
    return cv2.warpAffine(pixels, shifted, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def for_cv2(matrix: NDArray) -> NDArray:
    """The (2, 3) affine between our pixels as cv2 wants it, whose first pixel is centred on (0, 0)."""
    shifted = np.array(matrix, float)
    shifted[:, 2] += shifted[:, :2] @ [0.5, 0.5] - 0.5
    return shifted


def apply(matrix: NDArray, points: NDArray) -> NDArray:
    """(..., 2) points through a (2, 3) affine."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def scale_of(matrix: NDArray) -> float:
    """By how much a (2, 3) affine enlarges lengths, on average."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
