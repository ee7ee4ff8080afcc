"""PSNR and SSIM of pictures of the same names: `maquette evaluate images A B`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maquette.core.errors import BadInput
from maquette.evaluation.pictures import CHANNELS, picture_size, psnr, ssim
from maquette.evaluation.table import Table
from maquette.sources import photos

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".gif", ".heic", ".heif", ".avif")
SHOWN = 3  # names in a message


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
            sizes = f"{picture_size(picture)} pixels, wanted {picture_size(reference)}"
            raise BadInput(f"{path}: {sizes} as {other}: resize one of them")
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
