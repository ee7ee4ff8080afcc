"""Images looked up, smoothed, and continued from scattered values, coarse to fine."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

STRIP = 4096  # points per row handed to cv2, which takes no side longer than 32767


def membrane(values: NDArray, weight: NDArray, decay: float = 1.0, firmness: float = 0.02) -> NDArray:
    """Continue values from where they are known to everywhere (push-pull; Gortler et al. 1996).

    Where the weight is high the result keeps to the known values, elsewhere it continues them smoothly; `decay` below
    one lets it fall to zero with the distance, by that factor whenever the distance doubles.

    Args:
        values: (H, W, C) float32.
        weight: (H, W) float32 in 0-1, zero where nothing is known.
        decay: 0-1.
        firmness: known weight per pixel above which coarser levels stop to matter.

    Returns:
        (H, W, C) float32, finite; zero everywhere if nothing is known.
    """
    total, known = [values * weight[..., None]], [weight]
    while min(known[-1].shape) > 2:
        total.append(cv2.pyrDown(total[-1]).reshape(*(-(-n // 2) for n in known[-1].shape), -1))
        known.append(cv2.pyrDown(known[-1]))
    mean_weight = max(float(known[-1].mean()), 1e-12)
    result = np.broadcast_to(total[-1].mean(axis=(0, 1)) / mean_weight, total[-1].shape).astype(np.float32)
    for sums, weights in zip(total[::-1], known[::-1]):
        if result.shape[:2] != weights.shape:
            result = cv2.pyrUp(result, dstsize=weights.shape[::-1]).reshape(*weights.shape, -1) * decay
        result = (sums + firmness * result) / (weights + firmness)[..., None]
    return result


def smoothstep(values: ArrayLike, low: float, high: float | NDArray) -> NDArray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((np.asarray(values) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blurred(image: NDArray, sigma: float) -> NDArray:
    """Gaussian blur, borders repeated; sigma in pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma > 0.3 else image


def enlarged(image: NDArray, shape: tuple[int, int]) -> NDArray:
    """The image resized to (h, w), bilinear."""
    return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR)


def image_at(
    image: NDArray, pixels: NDArray, kind: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_REPLICATE
) -> NDArray:
    """An image (H, W, ...) at pixels (n, 2) or (h, w, 2): (n, ...) or (h, w, ...).

    The first pixel is centred on (0.5, 0.5), where cv2 has it on (0, 0). Beyond the border it is as `border` of cv2
    says; a constant one is zero.
    """
    at = np.clip(pixels - 0.5, -16, 32000).astype(np.float32)
    if at.ndim == 3:
        return remapped(image, at, kind, border)
    count = len(at)
    if count == 0:
        return np.zeros((0, *image.shape[2:]), image.dtype)
    padded = np.concatenate([at, np.repeat(at[-1:], -count % STRIP, axis=0)]) if count > STRIP else at
    grid = padded.reshape(-1, STRIP, 2) if count > STRIP else padded[None]
    return remapped(image, grid, kind, border).reshape(-1, *image.shape[2:])[:count]


def remapped(image: NDArray, at: NDArray, kind: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_CONSTANT) -> NDArray:
    """(h, w, ...) an image at (h, w, 2) float32 positions, its first pixel's centre on (0, 0)."""
    empty = np.zeros((0, 2), np.float32)  # cv2's stubs know no None: the map has both coordinates already
    return np.asarray(cv2.remap(image, at, empty, kind, borderMode=border))


def disc(radius: float) -> NDArray:
    """(n, n) uint8: a round structuring element of that radius in pixels, at least 1."""
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def sixteenths(corners: NDArray) -> NDArray:
    """(n, 2) int32: pixels, the first centred on (0.5, 0.5), as cv2 draws them with four bits behind the point."""
    return np.round((corners - 0.5) * 16).astype(np.int32)
