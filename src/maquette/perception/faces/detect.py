"""Where faces may be: two detectors on the whole picture, on tiles, and on altered copies.

Candidates only: `trace.py` decides which of them are faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.models import mediapipe_graphs
from maquette.perception.models.mediapipe_graphs import DETECTOR_INPUT, Detection

SEARCH_SIDE = 1536  # pixels, longer side of the picture in which is searched: faces of 40 px in it still show
SURE = 0.5  # detector score, MediaPipe's default
UNSURE = 0.3  # detector score, enough where nothing better is found: the landmark network has the last word
SEEN = 16.0  # pixels: narrowest face that the full-range detector finds in its 192
DARK = 90.0  # 8-bit brightness of the 95th percentile below which a picture counts as dark


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


def search_copy(pixels: NDArray) -> Copy:
    """The picture, shrunk without aliasing to `SEARCH_SIDE` if it is larger."""
    height, width = pixels.shape[:2]
    factor = SEARCH_SIDE / max(height, width)
    if factor >= 1:
        return Copy(pixels, np.eye(2, 3))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return Copy(shrunk(pixels, size), _scaling(width / size[0], height / size[1]))


def shrunk(pixels: NDArray, size: tuple[int, int]) -> NDArray:
    """Resize to a smaller (width, height) without aliasing; halving first is several times faster and as good."""
    while pixels.shape[1] >= 2 * size[0] and pixels.shape[0] >= 2 * size[1]:
        half = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        if half.shape != pixels.shape:  # an odd row would shift the rest by a fraction of a pixel
            break
        pixels = cv2.resize(half, (half.shape[1] // 2, half.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def brightened(copy: Copy) -> Copy:
    """A copy with its range stretched and its local contrast evened (CLAHE on lightness)."""
    lab = cv2.cvtColor(stretched(copy.pixels), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(lab[..., 0])
    return Copy(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), copy.to_full, also(copy.note, "brightened"))


def stretched(pixels: NDArray) -> NDArray:
    """(H, W, 3) uint8 with the 99th percentile of brightness moved to 220; a picture that reaches it is untouched."""
    peak = float(np.percentile(pixels.max(axis=2), 99))
    return pixels if peak >= 220 else cv2.convertScaleAbs(pixels, alpha=220 / max(peak, 1.0))


def is_dark(pixels: NDArray) -> bool:
    """Whether next to nothing in the picture is bright."""
    return float(np.percentile(pixels[::2, ::2].max(axis=2), 95)) < DARK


def turned(copy: Copy, degrees: float) -> Copy:
    """A copy turned anticlockwise as seen, in a frame that holds all of it."""
    height, width = copy.pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    pixels = warp(copy.pixels, matrix, size)
    back = cv2.invertAffineTransform(matrix)
    to_full = np.vstack([copy.to_full, [0, 0, 1]]) @ np.vstack([back, [0, 0, 1]])
    return Copy(pixels, to_full[:2], also(copy.note, f"turned by {degrees:g} degrees"))


def warp(pixels: NDArray, matrix: NDArray, size: tuple[int, int]) -> NDArray:
    """cv2.warpAffine for our pixels, whose first is centred on (0.5, 0.5).

    Args:
        matrix: (2, 3), from pixels of the source to pixels of the result.
        size: (width, height) of the result.
    """
    shifted = for_cv2(matrix)
    enlarges = abs(np.linalg.det(shifted[:, :2])) > 1.0
    flags = cv2.INTER_CUBIC if enlarges else cv2.INTER_LINEAR
    return cv2.warpAffine(pixels, shifted, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def for_cv2(matrix: NDArray) -> NDArray:
    """The (2, 3) affine between our pixels as cv2 wants it, whose first pixel is centred on (0, 0)."""
    shifted = np.array(matrix, float)
    shifted[:, 2] += shifted[:, :2] @ [0.5, 0.5] - 0.5
    return shifted


def apply(matrix: NDArray, points: NDArray) -> NDArray:
    """(..., 2) points through a (2, 3) affine."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def candidates(copy: Copy, division: int, score: float = SURE) -> list[Detection]:
    """Search a picture in overlapping square tiles.

    Args:
        division: 1 searches the picture as a whole; 2, 4, ... in tiles of its longer side divided by this.
        score: lowest detector score.

    Returns:
        Detections in pixels of the full picture, best first, overlapping ones dropped.
    """
    found = []
    for x, y, side in tiles(copy.pixels.shape, division):
        tile = copy.pixels[y : y + side, x : x + side]
        for reach, wanted in DETECTOR_INPUT.items():
            if reach == "short" and division > 1:
                continue  # measured: on tiles it adds 60 % time and no face that the other one misses
            factor = wanted / max(tile.shape[:2])
            size = max(1, round(tile.shape[1] * factor)), max(1, round(tile.shape[0] * factor))
            small = shrunk(tile, size) if factor < 1 else cv2.resize(tile, size, interpolation=cv2.INTER_CUBIC)
            scaling = np.array([tile.shape[1] / size[0], tile.shape[0] / size[1]])
            for item in mediapipe_graphs.detect(small, reach):
                if item.score >= score:
                    keypoints = apply(copy.to_full, item.keypoints * scaling + [x, y])
                    box = _carried(copy.to_full, item.box * np.tile(scaling, 2) + [x, y, x, y])
                    found.append(Detection(box, keypoints, item.score))
    return _distinct(found)


def useful_divisions(copy: Copy, narrowest: float) -> list[int]:
    """2, 4, ... as far as tiles show faces that the division before is too coarse for.

    Args:
        narrowest: width of the smallest wanted face, pixels of the full picture.
    """
    side = max(copy.pixels.shape[:2])
    seen = narrowest / np.sqrt(abs(np.linalg.det(copy.to_full[:, :2]))) * DETECTOR_INPUT["full"] / side
    return [division for division in (2, 4, 8) if seen * division / 2 < SEEN]


def tiles(shape: tuple[int, ...], division: float) -> Iterator[tuple[int, int, int]]:
    """x, y, side of square tiles that overlap by at least half."""
    height, width = shape[:2]
    side = int(np.ceil(max(height, width) / division))

    def starts(length: int) -> list[int]:
        steps = max(1, int(np.ceil((length - side) / (side / 2))) + 1) if length > side else 1
        return [round(s) for s in np.linspace(0, max(length - side, 0), steps)]

    return ((x, y, side) for y in starts(height) for x in starts(width))


def _distinct(found: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for item in sorted(found, key=lambda d: -d.score):
        if all(overlap(item.box, other.box) < 0.3 for other in kept):
            kept.append(item)
    return kept


def overlap(a: NDArray, b: NDArray) -> float:
    """Common area of two boxes (x0, y0, x1, y1) as share of the smaller one."""
    common = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    smaller = min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]))
    return float(np.prod(np.maximum(common, 0)) / max(smaller, 1e-9))


def _carried(matrix: NDArray, box: NDArray) -> NDArray:
    """The upright square around a box that went through an affine, as large as the box was."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    centre = apply(matrix, (box[:2] + box[2:]) / 2)
    half = np.max(box[2:] - box[:2]) / 2 * scale
    return np.concatenate([centre - half, centre + half])


def _scaling(x: float, y: float) -> NDArray:
    return np.array([[x, 0.0, 0.0], [0.0, y, 0.0]])


def also(note: str, deed: str) -> str:
    """The note of a copy to which one more thing was done."""
    return f"{note} and {deed}" if note else f"found on a copy that was {deed}"
