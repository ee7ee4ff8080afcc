"""The guided filter in colour (He et al., "Guided image filtering", 2013, section 4)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # of channels, each once


def guided_filter(guide: NDArray, mask: NDArray, radius: int, smoothness: float) -> NDArray:
    """A mask smoothed so that its edges are those of a picture.

    In every window the result is a linear function of the colours that fits the mask best; windows are averaged.

    Args:
        guide: (H, W, 3) uint8.
        mask: (H, W) float32.
        radius: of the square window, pixels.
        smoothness: variance of the guide, in its own unit, below which a window counts as flat.

    Returns:
        (H, W) float32.
    """

    def mean(values: NDArray) -> NDArray:
        return cv2.blur(values, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT)

    colours = [np.ascontiguousarray(guide[..., k], np.float32) for k in range(3)]
    mask = np.asarray(mask, np.float32)
    means, mean_mask = [mean(colour) for colour in colours], mean(mask)
    spread = {
        (i, j): mean(colours[i] * colours[j]) - means[i] * means[j] + np.float32(smoothness * (i == j))
        for i, j in PAIRS
    }
    common = [mean(colour * mask) - own * mean_mask for colour, own in zip(colours, means)]
    slopes = _solved(spread, common)
    constant = mean_mask - sum(slope * own for slope, own in zip(slopes, means))
    return sum((mean(slope) * colour for slope, colour in zip(slopes, colours)), start=mean(constant))


def _solved(a: dict[tuple[int, int], NDArray], right: list[NDArray]) -> list[NDArray]:
    """x of a x = right at every pixel, for symmetric (3, 3) given by its upper triangle: by cofactors."""
    c00 = a[1, 1] * a[2, 2] - a[1, 2] ** 2
    c01 = a[0, 2] * a[1, 2] - a[0, 1] * a[2, 2]
    c02 = a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1]
    c11 = a[0, 0] * a[2, 2] - a[0, 2] ** 2
    c12 = a[0, 1] * a[0, 2] - a[0, 0] * a[1, 2]
    c22 = a[0, 0] * a[1, 1] - a[0, 1] ** 2
    determinant = a[0, 0] * c00 + a[0, 1] * c01 + a[0, 2] * c02
    rows = ((c00, c01, c02), (c01, c11, c12), (c02, c12, c22))
    return [sum(c * r for c, r in zip(row, right)) / determinant for row in rows]
