"""Animals that became others, as files: PNG, JPEG, and a sheet of all photos and looks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.outputs.pictures.overview import sheet

CELL = 256  # pixels of a picture on the sheet
QUALITY = 92  # of JPEGs
MOST_ROWS, MOST_COLUMNS = 20, 16  # of the sheet


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One photo on the sheet.

    Attributes:
        name: of the photo. crop: (S, S, 3) uint8.
        pictures: (N, S, S, 3) uint8. shows: what all of them show. looks: what each is.
    """

    name: str
    crop: NDArray
    pictures: NDArray
    shows: str
    looks: Sequence[str]


def png(pixels: NDArray) -> bytes:
    """(H, W, 3) uint8 sRGB as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(pixels: NDArray) -> bytes:
    """(H, W, 3) uint8 sRGB as JPEG, colours at full resolution."""
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    return cv2.imencode(".jpg", pixels[..., ::-1], settings)[1].tobytes()


def contact_sheet(rows: Sequence[SheetRow]) -> NDArray:
    """(H, W, 3) uint8: a row for each photo: what was taken of it, then each look."""
    rows = rows[:MOST_ROWS]
    columns = 1 + min(MOST_COLUMNS, max(len(row.pictures) for row in rows))
    cells = []
    for row in rows:
        cells.append((_short(row.name), "", _sized(row.crop)))
        for look, picture in zip(row.looks[: columns - 1], row.pictures):
            cells.append((row.shows, look, _sized(picture)))
    return sheet(cells, columns)


def _sized(picture: NDArray) -> NDArray:
    how = cv2.INTER_AREA if len(picture) > CELL else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (CELL, CELL), interpolation=how))


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:10]}...{name[-9:]}"
