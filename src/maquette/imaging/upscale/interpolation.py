"""Enlargement by interpolation; pixel (0, 0) is centred on (0.5, 0.5), so the picture is only scaled, never shifted.

All rows are OpenCV's: bicubic has the sharpness a = -0.75, Lanczos a window of eight pixels. An enlargement by area is
for whole factors the same as nearest: every new pixel lies within one old one.
"""

from __future__ import annotations

import cv2
from numpy.typing import NDArray

KERNELS = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}


def enlarged(pixels: NDArray, factor: int, kernel: str) -> NDArray:
    """The picture `factor` times as wide and high.

    Args:
        pixels: (H, W, C) or (H, W), uint8 or float32.
        kernel: a name of `KERNELS`.

    Returns:
        (H * factor, W * factor, ...) of the same type; uint8 is rounded.

    Example:
        >>> import numpy as np
        >>> enlarged(np.array([[0, 100]], np.uint8), 2, "bilinear").tolist()
        [[0, 25, 75, 100], [0, 25, 75, 100]]
    """
    height, width = pixels.shape[:2]
    return cv2.resize(pixels, (width * factor, height * factor), interpolation=KERNELS[kernel])
