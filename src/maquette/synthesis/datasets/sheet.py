"""A contact sheet: many pictures on one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.files import write_whole
from maquette.synthesis.datasets.files import stem

TILES, TILE, GAP = 64, 192, 2  # at most so many pictures, pixels of a side, pixels between
QUALITY = 85


def contact_sheet(images: Iterable[NDArray], tile: int = TILE) -> NDArray:
    """Up to 64 pictures on one, row by row, as square as their number allows.

    Args:
        images: (H, W, 3) uint8 sRGB each, all square; larger ones are shrunk to `tile` pixels.

    Returns:
        (H, W, 3) uint8 sRGB on white.

    Example:
        >>> contact_sheet([np.zeros((10, 10, 3), np.uint8)] * 5).shape
        (22, 34, 3)
    """
    shown = list(islice(images, TILES))
    side = min(tile, max(len(image) for image in shown))
    columns = int(np.ceil(np.sqrt(len(shown))))
    rows = -(-len(shown) // columns)
    sheet = np.full((rows * (side + GAP) - GAP, columns * (side + GAP) - GAP, 3), 255, np.uint8)
    for k, image in enumerate(shown):
        down, right = (side + GAP) * (k // columns), (side + GAP) * (k % columns)
        if len(image) != side:
            image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        sheet[down : down + side, right : right + side] = image
    return sheet


def write_sheet(folder: Path) -> Path:
    """Write FOLDER/sheet.jpg of the first pictures that `write_photographs` wrote there, by rename."""
    files = [Path(folder) / f"{stem(k)}.png" for k in range(TILES)]
    sheet = contact_sheet(np.asarray(cv2.imread(str(file)))[..., ::-1] for file in files if file.is_file())
    coded = cv2.imencode(".jpg", np.ascontiguousarray(sheet[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    path = Path(folder) / "sheet.jpg"
    write_whole(path, coded.tobytes())
    return path
