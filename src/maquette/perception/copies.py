"""Copies of a picture to search in: shrunk, brightened, turned, in tiles; each knows the way back to the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import scale_of, warp

SEARCH_SIDE = 1536  # pixels, longer side of the picture in which is searched: faces of 40 px in it still show
DARK = 90.0  # 8-bit brightness of the 95th percentile below which a picture counts as dark
DIVISIONS = (2, 4, 8)  # tiles have the copy's longer side divided by these
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Copy:
    """A picture to search in, and the way back.

    Attributes:
        pixels: (H, W, 3) uint8.
        to_full: (2, 3), affine from its pixels to those of the full picture.
        note: what was done to it in plain words, "" if nothing.
    """

    pixels: NDArray
    to_full: NDArray
    note: str = ""


class Search(NamedTuple):
    """One pass of a detector over a picture.

    Attributes:
        copy: the picture at a size fit for searching.
        division: 1 searches it as a whole; 2, 4, ... in tiles of its longer side divided by this.
        lowest: detector score, 0-1, from which a detection counts.
    """

    copy: Copy
    division: int
    lowest: float


def search_copy(pixels: NDArray) -> Copy:
    """The picture, shrunk without aliasing to `SEARCH_SIDE` if it is larger."""
    height, width = pixels.shape[:2]
    factor = SEARCH_SIDE / max(height, width)
    if factor >= 1:
        return Copy(pixels, np.eye(2, 3))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return Copy(shrunk(pixels, size), np.array([[width / size[0], 0.0, 0.0], [0.0, height / size[1], 0.0]]))


def shrunk(pixels: NDArray, size: tuple[int, int]) -> NDArray:
    """Resize to a smaller (width, height) without aliasing; halving first is several times faster and as good."""
    while pixels.shape[1] >= 2 * size[0] and pixels.shape[0] >= 2 * size[1]:
        half = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        if half.shape != pixels.shape:  # an odd row would shift the rest by a fraction of a pixel
            break
        pixels = cv2.resize(half, (half.shape[1] // 2, half.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def fitted(pixels: NDArray, side: int) -> NDArray:
    """The picture shrunk without aliasing, or enlarged, so that its longer side has so many pixels."""
    factor = side / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return shrunk(pixels, size) if factor < 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)


def at_most(pixels: NDArray, side: int) -> NDArray:
    """The picture, shrunk without aliasing if its longer side has more than so many pixels."""
    factor = min(1.0, side / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return shrunk(pixels, size) if factor < 1 else pixels


def sized(copy: Copy, side: int) -> Copy:
    """The copy with its longer side of so many pixels; see `fitted`."""
    pixels = fitted(copy.pixels, side)
    scaling = np.array(copy.pixels.shape[1::-1]) / pixels.shape[1::-1]
    return Copy(pixels, copy.to_full @ np.diag([*scaling, 1.0]), copy.note)


def part(copy: Copy, box: NDArray) -> Copy:
    """What a copy shows in a box (4,), its pixels; a box that reaches beyond its edges is moved inwards."""
    size = np.array(copy.pixels.shape[1::-1])
    wanted = np.minimum(np.maximum(np.round(box[2:] - box[:2]).astype(int), 1), size)
    x, y = np.clip(np.round(box[:2]).astype(int), 0, size - wanted)
    pixels = copy.pixels[y : y + wanted[1], x : x + wanted[0]]
    return Copy(pixels, copy.to_full @ np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]]), copy.note)


def in_tiles(copy: Copy, division: float, overlap: float = 0.5) -> list[Copy]:
    """The square parts of a copy; see `tiles`."""
    places = tiles(copy.pixels.shape, division, overlap)
    return [part(copy, np.array([x, y, x + side, y + side], float)) for x, y, side in places]


def brightened(copy: Copy) -> Copy:
    """A copy with its range stretched and its local contrast evened (CLAHE on lightness)."""
    lab = cv2.cvtColor(stretched(copy.pixels), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(lab[..., 0])
    return Copy(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), copy.to_full, noted(copy.note, "brightened"))


def stretched(pixels: NDArray) -> NDArray:
    """(H, W, 3) uint8 with the 99th percentile of brightness moved to 220; a picture that reaches it is untouched."""
    peak = float(np.percentile(pixels.max(axis=2), 99))
    return pixels if peak >= 220 else cv2.convertScaleAbs(pixels, alpha=220 / max(peak, 1.0))


def is_dark(pixels: NDArray) -> bool:
    """Whether next to nothing in the picture is bright."""
    red, green, blue = np.moveaxis(pixels[::2, ::2], 2, 0)  # their maximum along the last axis takes ten times as long
    return float(np.percentile(np.maximum(np.maximum(red, green), blue), 95)) < DARK


def turned(copy: Copy, degrees: float) -> Copy:
    """A copy turned anticlockwise as seen, in a frame that holds all of it."""
    height, width = copy.pixels.shape[:2]
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), float)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    pixels = warp(copy.pixels, matrix, size)
    back = cv2.invertAffineTransform(matrix)
    to_full = np.vstack([copy.to_full, [0, 0, 1]]) @ np.vstack([back, [0, 0, 1]])
    return Copy(pixels, to_full[:2], noted(copy.note, f"turned by {degrees:g} degrees"))


def noted(note: str, deed: str) -> str:
    """The note of a copy to which one more thing was done."""
    return f"{note} and {deed}" if note else f"found on a copy that was {deed}"


def find_all(
    find: Callable[[Search, list[Found]], list[Found]], searches: Iterable[Search], rescues: Iterable[Search]
) -> list[Found]:
    """What a picture shows.

    Args:
        find: what is new in one search beside what is known.
        searches: coarse ones first; what is smaller than all that a search shows anew is in the background.
        rescues: altered copies, tried one after the other, only if nothing was found.
    """
    found: list[Found] = []
    for search in searches:
        new = find(search, found)
        if found and not new:
            break
        found = found + new
    for search in () if found else rescues:
        found = find(search, [])
        if found:
            break
    return found


def tiles(shape: tuple[int, ...], division: float, overlap: float = 0.5) -> Iterator[tuple[int, int, int]]:
    """x, y, side of square tiles that cover a picture.

    Args:
        shape: (H, W, ...) of the picture.
        division: the tiles' side is the longer side divided by this; 1 gives the whole picture.
        overlap: share of a tile, below 1, that the next one shows too, at least.
    """
    height, width = shape[:2]
    side = int(np.ceil(max(height, width) / division))

    def starts(length: int) -> list[int]:
        steps = max(1, int(np.ceil((length - side) / (side * (1 - overlap)))) + 1) if length > side else 1
        return [round(s) for s in np.linspace(0, max(length - side, 0), steps)]

    return ((x, y, side) for y in starts(height) for x in starts(width))


def useful_divisions(copy: Copy, smallest: float, side: int, least: float) -> list[int]:
    """2, 4, ... as far as tiles show what the division before is too coarse for.

    Args:
        smallest: size of what is looked for, pixels of the full picture.
        side: of the detector's input, pixels.
        least: size in that input from which on the detector finds it, pixels.
    """
    seen = smallest / scale_of(copy.to_full) * side / max(copy.pixels.shape[:2])
    return [division for division in DIVISIONS if seen * division / 2 < least]
