"""A square of a photo as a picture of its own, and such a picture back in its place."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FADE = 0.3  # share of the way from the square's middle to its border over which a picture goes over into the photo
CHANGED = (3.0, 12.0)  # levels of 255 by which a place is changed hardly, and wholly
CHANGED_NEAR = 0.02  # of the side, over which changes are averaged


def cropped(pixels: NDArray, to_crop: NDArray, side: int) -> NDArray:
    """(side, side, 3) uint8: the square; beyond the photo its edge goes on.

    Args:
        pixels: (H, W, 3) uint8.
        to_crop: (2, 3) affine from pixels of the photo to pixels of the square, pixel (0, 0) centred on (0.5, 0.5).
    """
    matrix = np.array(to_crop, float)
    shrink = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink < 0.5:  # else pixels between the samples would be left out
        height, width = pixels.shape[:2]
        small = max(1, round(width * 2 * shrink)), max(1, round(height * 2 * shrink))
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= np.array(small) / [width, height]
    kind = cv2.INTER_CUBIC if shrink > 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(pixels, _for_cv2(matrix), (side, side), flags=kind, borderMode=cv2.BORDER_REPLICATE)


def placed(pixels: NDArray, picture: NDArray, to_crop: NDArray, crop: NDArray | None = None) -> NDArray:
    """(H, W, 3) uint8: the photo with a picture in place of its square, faded into it towards the border.

    Args:
        pixels: (H, W, 3) uint8. picture: (S, S, 3) uint8. to_crop: (2, 3) affine, see `cropped`, to its pixels.
        crop: (S, S, 3) uint8, what the picture was made of: where both are alike, the photo stays as it is.
    """
    height, width = pixels.shape[:2]
    flags, size = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC, (width, height)
    matrix, share = _for_cv2(to_crop), _fading(len(picture))
    if crop is not None:
        share = share * _changed(crop, picture)
    laid = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(share, matrix, size, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    mixed = pixels + share[..., None] * (laid.astype(np.float32) - pixels)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _changed(crop: NDArray, picture: NDArray) -> NDArray:
    """(S, S) float32: 1 where two pictures (S, S, 3) differ visibly or something near does, smoothly to 0."""
    apart = np.abs(crop.astype(np.float32) - picture).max(axis=2)
    near = cv2.GaussianBlur(apart, (0, 0), CHANGED_NEAR * len(picture))
    share = np.clip((near - CHANGED[0]) / (CHANGED[1] - CHANGED[0]), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _fading(side: int) -> NDArray:
    """(side, side) float32: 1 inside, smoothly to 0 at the border of a rounded square."""
    across = ((np.arange(side) + 0.5) / side * 2 - 1) ** 4
    out = (across[:, None] + across[None]) ** 0.25
    share = np.clip((1 - out) / FADE, 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _for_cv2(matrix: NDArray) -> NDArray:
    """The affine as cv2 wants it, whose first pixel is centred on (0, 0)."""
    shifted = np.array(matrix, float)
    shifted[:, 2] += shifted[:, :2] @ [0.5, 0.5] - 0.5
    return shifted
