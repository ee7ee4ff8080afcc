"""The contact sheet of `evaluate imagespace`: picture, outlines and rendering side by side, the worst first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole

CELL = (200, 260)  # pixels, width and height of one picture
LINE = 16  # pixels, height of a line of text
LINES = 3  # below each row of pictures
GAP = 6  # pixels between rows and columns
MOST = 24  # rows on a sheet
COLUMNS = 2
QUALITY = 88
BACKGROUND, INK, ALARM = (255, 255, 255), (30, 30, 30), (190, 20, 20)
WANTED, MADE = (40, 220, 90), (255, 60, 60)  # outline of the mask, and of the mesh


@dataclass
class WorstRows:
    """The rows with the lowest scores so far; a long clip keeps no more than a sheet holds.

    Attributes:
        most: rows that are kept.
    """

    most: int = MOST
    _heap: list[tuple[float, int, NDArray]] = field(default_factory=list)
    _count: int = 0

    def add(self, score: float, row: NDArray) -> None:
        """Offer a row, an (H, W, 3) uint8 picture; a low score is bad. Of equal ones the earlier stays."""
        heapq.heappush(self._heap, (-score, -self._count, row))
        self._count += 1
        if len(self._heap) > self.most:
            heapq.heappop(self._heap)

    @property
    def rows(self) -> list[NDArray]:
        """Worst first."""
        return [row for _, _, row in sorted(self._heap, key=lambda item: (-item[0], -item[1]))]


def row_of(
    pixels: NDArray, wanted: NDArray | None, made: NDArray, rendered: NDArray, lines: Sequence[str], failed: bool
) -> NDArray:
    """One row: the picture, the picture with both outlines, the rendering, and text below.

    Args:
        pixels, rendered: (H, W, 3) uint8.
        wanted, made: (H, W) bool, the person (green) and the mesh (red); wanted None where nobody was found.
        lines: at most three, ASCII.
        failed: the text is red.
    """
    outlined = _letterboxed((pixels * 0.6 + 100).astype(np.uint8))
    for mask, colour in ((wanted, WANTED), (made, MADE)):
        if mask is not None:
            small = (_letterboxed(np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), 0)[..., 0] > 127).astype(
                np.uint8
            )
            contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(outlined, contours, -1, colour, 1)
    width = 3 * CELL[0] + 2 * GAP
    row = np.full((CELL[1] + LINES * LINE + GAP, width, 3), 255, np.uint8)
    for k, image in enumerate((_letterboxed(pixels), outlined, _letterboxed(rendered))):
        row[: CELL[1], k * (CELL[0] + GAP) : k * (CELL[0] + GAP) + CELL[0]] = image
    for k, line in enumerate(lines[:LINES]):
        text = line.encode("ascii", "replace").decode()
        place = (2, CELL[1] + LINE * (k + 1) - 3)
        cv2.putText(row, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, ALARM if failed else INK, 1, cv2.LINE_AA)
    return row


def write_sheet(path: Path, rows: Sequence[NDArray]) -> None:
    """Write rows of `row_of` as a JPEG, two beside each other, by rename; nothing without rows.

    Raises:
        BadInput: the file cannot be written.
    """
    if not rows:
        return
    columns = min(COLUMNS, len(rows))
    down, height, width = -(-len(rows) // columns), rows[0].shape[0], rows[0].shape[1]
    sheet = np.full((down * (height + GAP) + GAP, columns * (width + 2 * GAP) + GAP, 3), BACKGROUND, np.uint8)
    for k, row in enumerate(rows):
        y, x = GAP + (k // columns) * (height + GAP), GAP + (k % columns) * (width + 2 * GAP)
        sheet[y : y + height, x : x + width] = row
    coded = cv2.imencode(".jpg", np.ascontiguousarray(sheet[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    write_beside(path, coded.tobytes())


def write_beside(path: Path, content: bytes | str) -> None:
    """Write a file of a result, whole or not at all. Raises BadInput where it cannot be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise BadInput(unwritable(error, path, "make the folder writable")) from error


def _letterboxed(image: NDArray, beside: int = 235) -> NDArray:
    """The picture in the middle of a cell, on a grey."""
    scale = min(CELL[0] / image.shape[1], CELL[1] / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cell = np.full((CELL[1], CELL[0], 3), beside, np.uint8)
    left, top = (CELL[0] - size[0]) // 2, (CELL[1] - size[1]) // 2
    cell[top : top + size[1], left : left + size[0]] = cv2.resize(np.ascontiguousarray(image), size, interpolation=kind)
    return cell
