"""Where faces may be: two detectors on a copy of the picture, as a whole, on tiles and close up.

Candidates only: `faces.landmarker` and `faces.verify` decide which of them are faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception import copies
from maquette.perception.affine import apply, scale_of
from maquette.perception.copies import Copy, Search
from maquette.perception.models import networks
from maquette.perception.models.interpreter import each
from maquette.perception.models.results import DETECTOR_INPUT, FaceDetection

SURE = 0.5  # detector score, MediaPipe's default
UNSURE = 0.3  # detector score, enough where nothing better is found: the landmark network has the last word
SEEN = 16.0  # pixels: narrowest face that the full-range detector finds in its 192
SAME = 0.3  # overlap from which on two detections are of one face
SIDE = DETECTOR_INPUT["full"]  # pixels
SHARED = 0.25  # of a tile's side, that the next one shows too: a face that needs tiles is narrower than a sixth of one
DOUBTFUL = 0.08  # detector score in a tile from which on there is a closer look
FEW = 5  # close-ups that are always affordable
CLOSE_UP = 6.0  # its side over that of the detection


def candidates(
    search: Search,
    wanted: Callable[[NDArray], bool] = lambda _: True,
    looked: Callable[[Search], list[FaceDetection]] | None = None,
) -> list[FaceDetection]:
    """Detections in a copy or in overlapping square tiles of it, in pixels of the full picture, best first, each once.

    A search for sure ones has few tiles and looks closer at what is doubtful in them; others have tiles that overlap by
    half.

    Args:
        search: where to look.
        wanted: whether a face may be at a box (4,), pixels of the full picture; nowhere else is looked closer.
        looked: `first_look`, or what gives the same.
    """
    found = (looked or first_look)(search)
    sure = [item for item in found if item.score >= search.lowest]
    if search.division == 1 or search.lowest < SURE:
        return sure
    tile = max(search.copy.pixels.shape[:2]) / _grown(search.division) * scale_of(search.copy.to_full)
    widest = 2 * SEEN / SIDE * tile  # the division before shows what is wider
    doubtful = [item for item in found if item.score < search.lowest and _width(item) < widest and wanted(item.box)]
    closer = _seen([(view, "full") for view in _close_ups(search.copy, doubtful, _most(search))], search.lowest)
    return _distinct(sure + closer)


def first_look(search: Search) -> list[FaceDetection]:
    """Detections before any closer look, also doubtful ones where there is one; see `candidates`."""
    copy, division, lowest = search
    if division == 1:
        return _seen([(copies.sized(copy, side), reach) for reach, side in DETECTOR_INPUT.items()], lowest)
    # Measured: on tiles the short range adds 60 % time, no face.
    if lowest < SURE:
        return _seen([(copies.sized(tile, SIDE), "full") for tile in copies.in_tiles(copy, division)], lowest)
    grown = _grown(division)
    small = copies.sized(copy, round(SIDE * grown))
    return _seen([(tile, "full") for tile in copies.in_tiles(small, grown, SHARED)], DOUBTFUL)


def _grown(division: int) -> float:
    """The longer side over that of the tiles, of which `division` cover it with what they share."""
    return division - (division - 1) * SHARED


def _most(search: Search) -> int:
    """How many close-ups: with the tiles as many views as tiles that overlap by half, or a few where these are few."""
    shape, grown = search.copy.pixels.shape, _grown(search.division)
    half, quarter = copies.tiles(shape, search.division), copies.tiles(shape, grown, SHARED)
    return max(FEW, len(list(half)) - len(list(quarter)))


def _seen(views: Iterable[tuple[Copy, str]], lowest: float) -> list[FaceDetection]:
    """What a detector finds in each view, in pixels of the full picture, best first, each once."""
    found = each(lambda view: _in_view(*view, lowest), list(views))
    return _distinct([item for items in found for item in items])


def _in_view(view: Copy, reach: str, lowest: float) -> list[FaceDetection]:
    """What one detector finds in a part of the picture at the size of its input, in pixels of the full picture."""
    return [
        FaceDetection(_box_in_full(view.to_full, item.box), apply(view.to_full, item.keypoints), item.score)
        for item in networks.detect_faces(view.pixels, reach, lowest)
        if item.score >= lowest
    ]


def _close_ups(copy: Copy, doubtful: Iterable[FaceDetection], most: int) -> list[Copy]:
    """Views of SIDE pixels around detections, pixels of the full picture, but for those that another one shows well."""
    into = cv2.invertAffineTransform(copy.to_full)
    regions: list[NDArray] = []
    for item in doubtful:
        box = _box_in_full(into, item.box)
        if len(regions) == most:
            break
        if not any(_shows(region, box) for region in regions):
            half = (box[2] - box[0]) / 2 * CLOSE_UP
            centre = (box[:2] + box[2:]) / 2
            regions.append(np.concatenate([centre - half, centre + half]))
    return [copies.sized(copies.part(copy, region), SIDE) for region in regions]


def _width(item: FaceDetection) -> float:
    return float(item.box[2] - item.box[0])


def _shows(region: NDArray, box: NDArray) -> bool:
    """Whether a close-up of a region (4,) shows a box (4,) large enough and with something around it."""
    around = (box[2:] - box[:2]) / 2
    inside = (region[:2] <= box[:2] - around).all() and (box[2:] + around <= region[2:]).all()
    return bool(inside and 2 * CLOSE_UP * (box[2] - box[0]) > region[2] - region[0])


def useful_divisions(copy: Copy, narrowest: float) -> list[int]:
    """2, 4, ... as far as tiles show faces that the division before is too coarse for.

    Args:
        narrowest: width of the smallest wanted face, pixels of the full picture.
    """
    return copies.useful_divisions(copy, narrowest, DETECTOR_INPUT["full"], SEEN)


def _distinct(found: list[FaceDetection]) -> list[FaceDetection]:
    """Best first, and none that overlaps a better one; many are doubtful, so each is compared with all at once."""
    ordered = sorted(found, key=lambda item: -item.score)
    boxes = np.array([item.box for item in ordered]).reshape(-1, 4)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    left, kept = np.ones(len(ordered), bool), []
    for k, item in enumerate(ordered):
        if left[k]:
            kept.append(item)
            sides = np.minimum(boxes[k, 2:], boxes[:, 2:]) - np.maximum(boxes[k, :2], boxes[:, :2])
            common = np.prod(np.maximum(sides, 0), axis=1)
            left &= common < SAME * np.maximum(np.minimum(areas, areas[k]), 1e-9)
    return kept


def _box_in_full(matrix: NDArray, box: NDArray) -> NDArray:
    """The upright square around a box that went through an affine, as large as the box was."""
    centre = apply(matrix, (box[:2] + box[2:]) / 2)
    half = np.max(box[2:] - box[:2]) / 2 * scale_of(matrix)
    return np.concatenate([centre - half, centre + half])
