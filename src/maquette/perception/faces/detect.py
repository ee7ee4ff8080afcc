"""Where faces may be: two detectors on a copy of the picture, as a whole or on tiles.

Candidates only: `faces.landmarker` and `faces.verify` decide which of them are faces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception import copies
from maquette.perception.affine import apply, scale_of
from maquette.perception.boxes import overlap
from maquette.perception.copies import Copy, Search, fitted
from maquette.perception.models import networks
from maquette.perception.models.interpreter import each
from maquette.perception.models.results import DETECTOR_INPUT, FaceDetection

SURE = 0.5  # detector score, MediaPipe's default
UNSURE = 0.3  # detector score, enough where nothing better is found: the landmark network has the last word
SEEN = 16.0  # pixels: narrowest face that the full-range detector finds in its 192
SAME = 0.3  # overlap from which on two detections are of one face


def candidates(search: Search) -> list[FaceDetection]:
    """Detections in overlapping square tiles of a copy, in pixels of the full picture, best first, each once."""
    reaches = DETECTOR_INPUT if search.division == 1 else ("full",)  # measured: on tiles short adds 60 % time, no face
    tasks = [(tile, reach) for tile in copies.tiles(search.copy.pixels.shape, search.division) for reach in reaches]
    found = each(lambda task: _in_tile(search, *task), tasks)
    return _distinct([item for items in found for item in items])


def _in_tile(search: Search, tile: tuple[int, int, int], reach: str) -> list[FaceDetection]:
    """What one detector finds in one tile (x, y, side) of a copy, in pixels of the full picture."""
    x, y, side = tile
    copy, part = search.copy, search.copy.pixels[y : y + side, x : x + side]
    small = fitted(part, DETECTOR_INPUT[reach])
    scaling = np.array([part.shape[1] / small.shape[1], part.shape[0] / small.shape[0]])
    found = []
    for item in networks.detect_faces(small, reach, search.lowest):
        if item.score >= search.lowest:
            keypoints = apply(copy.to_full, item.keypoints * scaling + [x, y])
            box = _box_in_full(copy.to_full, item.box * np.tile(scaling, 2) + [x, y, x, y])
            found.append(FaceDetection(box, keypoints, item.score))
    return found


def useful_divisions(copy: Copy, narrowest: float) -> list[int]:
    """2, 4, ... as far as tiles show faces that the division before is too coarse for.

    Args:
        narrowest: width of the smallest wanted face, pixels of the full picture.
    """
    return copies.useful_divisions(copy, narrowest, DETECTOR_INPUT["full"], SEEN)


def _distinct(found: list[FaceDetection]) -> list[FaceDetection]:
    kept: list[FaceDetection] = []
    for item in sorted(found, key=lambda d: -d.score):
        if all(overlap(item.box, other.box) < SAME for other in kept):
            kept.append(item)
    return kept


def _box_in_full(matrix: NDArray, box: NDArray) -> NDArray:
    """The upright square around a box that went through an affine, as large as the box was."""
    centre = apply(matrix, (box[:2] + box[2:]) / 2)
    half = np.max(box[2:] - box[:2]) / 2 * scale_of(matrix)
    return np.concatenate([centre - half, centre + half])
