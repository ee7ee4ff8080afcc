"""PSNR and SSIM between pictures, with every convention fixed that makes published numbers disagree.

Pixels are uint8 in 0-255, so the data range is 255 and nothing is rounded on the way. SSIM is that of Wang et al. 2004
(Image Quality Assessment: From Error Visibility to Structural Similarity): Gaussian window 11 x 11 of sigma 1.5,
K1 = 0.01, K2 = 0.03, population covariance, mean over the windows that lie wholly in the picture. Published numbers
made with a 7 x 7 uniform window (the default of scikit-image) do not compare. Luma is BT.601 in full range, 0-255,
not rounded; papers that measure on the studio range 16-235 print a PSNR 1.32 dB higher.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

BT601 = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, weights of R, G, B
CHANNELS = ("rgb", "luma")
WINDOW = 11  # pixels; sigma 1.5 truncated at 3.5 sigma
MARGIN = WINDOW // 2  # pixels at the border whose window leaves the picture
SIGMA = 1.5
LEAST_PIXELS = 100  # of an area in which pictures are compared


def luma(pixels: NDArray) -> NDArray:
    """(H, W) float64 in 0-255: BT.601 luma of (H, W, 3) sRGB; a grey (H, W) picture is its own.

    Example:
        >>> luma(np.array([[[255, 0, 0], [10, 10, 10]]], np.uint8)).round(3)
        array([[76.245, 10.   ]])
    """
    return pixels.astype(float) if pixels.ndim == 2 else pixels @ BT601


def psnr(picture: NDArray, reference: NDArray, channel: str = "rgb", border: int = 0) -> float:
    """Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error), in dB; infinite for identical pictures.

    Args:
        picture, reference: (H, W, 3) or (H, W) uint8.
        channel: "rgb", one mean over all three channels, or "luma".
        border: pixels cut off at every side beforehand.

    Raises:
        BadInput: different sizes, not uint8, nothing left, unknown channel.

    Example:
        >>> round(psnr(np.full((4, 4), 16, np.uint8), np.zeros((4, 4), np.uint8)), 3)
        24.048
    """
    first, second = _prepared(picture, reference, channel, border)
    error = float(np.mean((first.astype(float) - second.astype(float)) ** 2))
    return float(10 * np.log10(255.0**2 / error)) if error else float("inf")


def ssim_map(picture: NDArray, reference: NDArray, channel: str = "rgb") -> NDArray:
    """(H, W) float64 in -1 to 1: SSIM of the window around each pixel; with "rgb" the mean of the three channels.

    Within 5 pixels of the border the picture is mirrored.

    Args:
        picture, reference: (H, W, 3) or (H, W) uint8, at least 11 x 11.

    Raises:
        BadInput: as `psnr`, or smaller than the window.
    """
    return _structure(*_prepared(picture, reference, channel, 0))


def ssim(picture: NDArray, reference: NDArray, channel: str = "rgb", border: int = 0) -> float:
    """Mean SSIM over the windows that lie wholly in the picture, less `border` pixels a side.

    Raises:
        BadInput: as `ssim_map`.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
        >>> ssim(noise, noise)
        1.0
    """
    first, second = _prepared(picture, reference, channel, border)
    values = _structure(first, second)
    return float(values[MARGIN:-MARGIN, MARGIN:-MARGIN].mean())


def masked_ssim(picture: NDArray, reference: NDArray, mask: NDArray, channel: str = "rgb") -> float:
    """Mean of the SSIM map over a mask.

    Windows reach 5 pixels beyond the mask; erode it by `MARGIN` where what lies outside must not count.

    Args:
        mask: (H, W) bool.

    Raises:
        BadInput: as `ssim_map`; a mask of another size, or empty.
    """
    return float(ssim_map(picture, reference, channel)[_usable_mask(mask, picture)].mean())


def masked_psnr(picture: NDArray, reference: NDArray, mask: NDArray, channel: str = "rgb") -> float:
    """PSNR in dB over the pixels of a (H, W) bool mask. Raises BadInput as `masked_ssim`."""
    first, second = _prepared(picture, reference, channel, 0)
    inside = _usable_mask(mask, picture)
    error = float(np.mean((first.astype(float) - second.astype(float))[inside] ** 2))
    return float(10 * np.log10(255.0**2 / error)) if error else float("inf")


def inner_scores(picture: NDArray, reference: NDArray, area: NDArray) -> tuple[float | None, float | None]:
    """Luma SSIM and RGB PSNR in dB over an area, from windows that lie wholly in it; None where hardly any does.

    Windows that leave the area would compare what lies beside it.

    Args:
        picture, reference: (H, W, 3) uint8; area: (H, W) bool.
    """
    window = np.ones((2 * MARGIN + 1,) * 2, np.uint8)
    whole = cv2.erode(area.astype(np.uint8), window, borderValue=(0.0,)) > 0
    if np.count_nonzero(whole) < LEAST_PIXELS:
        return None, None
    return masked_ssim(picture, reference, whole, "luma"), masked_psnr(picture, reference, whole)


def _prepared(picture: NDArray, reference: NDArray, channel: str, border: int) -> tuple[NDArray, NDArray]:
    """Both pictures checked, cut and in the channel."""
    for name, pixels in (("picture", picture), ("reference", reference)):
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
            kind = getattr(pixels, "dtype", type(pixels).__name__)
            raise BadInput(f"{name}: wanted uint8 pixels in 0-255, got {kind}: scale and round it first")
        if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] != 3):
            raise BadInput(f"{name}: wanted shape (H, W, 3) or (H, W), got {pixels.shape}")
    if picture.shape != reference.shape:
        raise BadInput(f"pictures of different sizes: {picture.shape} and {reference.shape}: resize one of them")
    if channel not in CHANNELS:
        raise BadInput(f"channel: wanted one of {', '.join(CHANNELS)}, got {channel!r}")
    if border < 0 or min(picture.shape[:2]) <= 2 * border:
        raise BadInput(f"border: {border} pixels leave nothing of a picture of {picture_size(picture)} pixels")
    inner = np.s_[border : picture.shape[0] - border, border : picture.shape[1] - border]
    first, second = picture[inner], reference[inner]
    return (luma(first), luma(second)) if channel == "luma" else (first, second)


def _structure(first: NDArray, second: NDArray) -> NDArray:
    """(H, W): the SSIM map of two prepared pictures."""
    from skimage.metrics import structural_similarity

    if min(first.shape[:2]) < WINDOW:
        raise BadInput(f"SSIM: wanted pictures of at least {WINDOW} x {WINDOW} pixels, got {picture_size(first)}")
    _, values = structural_similarity(
        first,
        second,
        data_range=255,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        K1=0.01,
        K2=0.03,
        channel_axis=2 if first.ndim == 3 else None,
        full=True,
    )
    return values if values.ndim == 2 else values.mean(axis=2)


def _usable_mask(mask: NDArray, picture: NDArray) -> NDArray:
    if mask.shape != picture.shape[:2] or mask.dtype != bool:
        raise BadInput(f"mask: wanted bool of shape {picture.shape[:2]}, got {mask.dtype} of {mask.shape}")
    if not mask.any():
        raise BadInput("mask: is empty, wanted at least one pixel")
    return mask


def picture_size(pixels: NDArray) -> str:
    """In words, "640 x 480"."""
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
