"""PSNR and SSIM between pictures, with every convention fixed that makes published numbers disagree.

Pixels are uint8 in 0-255, so the data range is 255 and nothing is rounded on the way. SSIM is that of Wang et al. 2004
(Image Quality Assessment: From Error Visibility to Structural Similarity): Gaussian window 11 x 11 of sigma 1.5,
K1 = 0.01, K2 = 0.03, population covariance, mean over the windows that lie wholly in the picture. Published numbers
made with a 7 x 7 uniform window (the default of scikit-image) do not compare. Luma is BT.601 in full range, 0-255,
not rounded; papers that measure on the studio range 16-235 print a PSNR 1.32 dB higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.table import Table
from maquette.sources import photos

BT601 = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, weights of R, G, B
CHANNELS = ("rgb", "luma")
WINDOW = 11  # pixels; sigma 1.5 truncated at 3.5 sigma
MARGIN = WINDOW // 2  # pixels at the border whose window leaves the picture
SIGMA = 1.5
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".gif", ".heic", ".heif", ".avif")
SHOWN = 3  # names in a message


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


def evaluate_images(folder_a: str | Path, folder_b: str | Path, border: int = 0) -> Table:
    """PSNR and SSIM of pictures paired by the stem of their names.

    Args:
        folder_a: the pictures to judge, or one picture.
        folder_b: the references, or one picture.
        border: pixels cut off at every side; super-resolution papers cut as many as the factor.

    Returns:
        A row per pair and their mean. An infinite PSNR (identical pictures) is left out of the mean.

    Raises:
        BadInput: one line: no pictures, a picture without partner, two of one stem, different sizes.
    """
    first, second = _paired(Path(folder_a), Path(folder_b))
    rows: list[tuple[str | float, ...]] = []
    for (stem, path), other in zip(first.items(), second.values()):
        picture, reference = photos.read(path).pixels, photos.read(other).pixels
        if picture.shape != reference.shape:
            raise BadInput(f"{path}: {_size(picture)} pixels, wanted {_size(reference)} as {other}: resize one of them")
        scores = [measure(picture, reference, channel, border) for channel in CHANNELS for measure in (psnr, ssim)]
        rows.append((stem, *scores))
    table = np.array([row[1:] for row in rows], float)
    identical = int(np.isinf(table[:, 0]).sum())
    means = [float(column[np.isfinite(column)].mean()) if np.isfinite(column).any() else None for column in table.T]
    notes = [
        "SSIM: Wang et al. 2004, Gaussian window 11 x 11 of sigma 1.5, data range 255; luma: BT.601, full range",
        f"border: {border} pixels cut off at every side",
    ]
    if identical:
        notes.append(f"identical pictures: {identical}; their PSNR is infinite and left out of the mean")
    columns = ("image", "PSNR RGB dB", "SSIM RGB", "PSNR luma dB", "SSIM luma")
    title = f"Pictures: {Path(folder_a).name} against {Path(folder_b).name}, {len(rows)} pairs"
    return Table(title, columns, (*rows, ("mean", *means)), tuple(notes))


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
        raise BadInput(f"border: {border} pixels leave nothing of a picture of {_size(picture)} pixels")
    inner = np.s_[border : picture.shape[0] - border, border : picture.shape[1] - border]
    first, second = picture[inner], reference[inner]
    return (luma(first), luma(second)) if channel == "luma" else (first, second)


def _structure(first: NDArray, second: NDArray) -> NDArray:
    """(H, W): the SSIM map of two prepared pictures."""
    from skimage.metrics import structural_similarity

    if min(first.shape[:2]) < WINDOW:
        raise BadInput(f"SSIM: wanted pictures of at least {WINDOW} x {WINDOW} pixels, got {_size(first)}")
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


def _size(pixels: NDArray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _paired(folder_a: Path, folder_b: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Stem -> path on both sides, the same stems in the same order."""
    if folder_a.is_file() and folder_b.is_file():
        return {folder_a.stem: folder_a}, {folder_a.stem: folder_b}
    first, second = _pictures(folder_a), _pictures(folder_b)
    for stems, lacking in ((first.keys() - second.keys(), folder_b), (second.keys() - first.keys(), folder_a)):
        if stems:
            counts = f"{folder_a} holds {len(first)} pictures, {folder_b} {len(second)}"
            raise BadInput(f"{counts}: {lacking} lacks {_some(sorted(stems))}; wanted the same names in both")
    return first, second


def _pictures(folder: Path) -> dict[str, Path]:
    """Stem -> path of every picture in a folder, in the order of the names."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder, wanted a folder of pictures: check the name")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise BadInput(f"{folder}: holds {found[path.stem].name} and {path.name}; wanted one picture per stem")
        found[path.stem] = path
    if not found:
        raise BadInput(f"{folder}: holds no pictures, wanted {', '.join(SUFFIXES)}")
    return found


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
