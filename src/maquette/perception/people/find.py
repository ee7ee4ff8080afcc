"""Where people may be: BlazePose's detector on the whole picture and on overlapping tiles, every detection of it.

The detector reports a person by the middle of the hips and the radius of a circle that holds the whole body
(Bazarevsky et al. 2020, BlazePose). Candidates only: `trace.py` decides which of them are people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import detect
from maquette.perception.faces.detect import Copy
from maquette.perception.faces.landmarker import Placement
from maquette.perception.models import mediapipe_graphs
from maquette.perception.models.mediapipe_graphs import PERSON_DETECTOR_INPUT as SIDE

SURE = 0.5  # detector score, MediaPipe's default
UNSURE = 0.4  # detector score, enough where nothing better is found; no person of 38 views was below 0.61
CROP_PER_CIRCLE = 1.25  # crop side over the circle's diameter: what the network of key points was trained with
SEEN = 40.0  # pixels: shortest person that shows in the detector's 224
OVERLAP = 0.3  # intersection over union above which two detections are the same, MediaPipe's value
ONE_ROW = 1.3  # tiles grow by up to this if then one row of them is enough
# SSD anchors as the network was trained: at each stride so many per cell (mediapipe, pose_detection graph).
ANCHORS = ((8, 2), (16, 2), (32, 6))


@dataclass(frozen=True, eq=False)
class Candidate:
    """One detection.

    Attributes:
        place: the upright square around the body, pixels of the full picture.
        head: (4,) x0, y0, x1, y1 about the face, same pixels; always a fifth of the searched square.
        score: 0-1.
    """

    place: Placement
    head: NDArray
    score: float


def candidates(copy: Copy, division: int = 1, lowest: float = SURE) -> list[Candidate]:
    """Search a picture.

    Args:
        copy: the picture at a size fit for searching, see `perception.faces.detect.search_copy`.
        division: 1 searches the picture as a whole; 2, 4, ... in tiles of its longer side divided by this.
        lowest: lowest detector score, 0-1.

    Returns:
        Best first, doubles dropped, in pixels of the full picture.
    """
    found: list[Candidate] = []
    shorter, longer = sorted(copy.pixels.shape[:2])
    if longer / division < shorter < longer / division * ONE_ROW:
        division = longer / shorter
    for x, y, side in detect.tiles(copy.pixels.shape, division):
        tile = copy.pixels[y : y + side, x : x + side]
        into = copy.to_full @ np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])
        found += [_carried(into, item) for item in _in_square(tile, lowest)]
    return _distinct(found)


def useful_divisions(copy: Copy, shortest: float) -> list[int]:
    """2, 4, ... as far as tiles show people that the division before is too coarse for.

    Args:
        shortest: height of the smallest wanted person, pixels of the full picture.
    """
    scale = np.sqrt(abs(np.linalg.det(copy.to_full[:, :2])))
    seen = shortest / scale * SIDE / max(copy.pixels.shape[:2])
    return [division for division in (2, 4, 8) if seen * division / 2 < SEEN]


def place_of(centre: NDArray, rim: NDArray) -> Placement:
    """The square around a body from the middle of its hips (2,) and the point above on the circle around it (2,)."""
    up = rim - centre
    radius = max(float(np.linalg.norm(up)), 4.0)
    return Placement(centre, 2 * radius * CROP_PER_CIRCLE, float(np.arctan2(up[0], -up[1])))


def _in_square(pixels: NDArray, lowest: float) -> list[Candidate]:
    """Detections in a picture that is letterboxed to the detector's square, in pixels of that picture."""
    factor = SIDE / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    small = detect.shrunk(pixels, size) if factor < 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[top : top + size[1], left : left + size[0]] = small
    places, logits = mediapipe_graphs.find_people(square)
    scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    chosen = np.flatnonzero(scores >= lowest)
    back = np.array([pixels.shape[1] / size[0], pixels.shape[0] / size[1]])
    found = []
    for row, anchor, score in zip(places[chosen].astype(float), anchors()[chosen], scores[chosen]):
        # Centre of the face, its size, then four points, all from the anchor in pixels: hips and rim come first.
        points = (np.delete(row.reshape(6, 2), 1, axis=0) + anchor * SIDE - [left, top]) * back
        half = row[2:4] / 2 * back
        head = np.concatenate([points[0] - half, points[0] + half])
        found.append(Candidate(place_of(points[1], points[2]), head, float(score)))
    return found


@cache
def anchors() -> NDArray:
    """(2254, 2) centres of the detector's anchors, shares of its input's side."""
    out = []
    for stride, count in ANCHORS:
        middles = (np.arange(SIDE // stride) + 0.5) * stride / SIDE
        x, y = np.meshgrid(middles, middles)
        out.append(np.repeat(np.column_stack([x.ravel(), y.ravel()]), count, axis=0))
    return np.concatenate(out)


def _carried(matrix: NDArray, item: Candidate) -> Candidate:
    """A candidate through a (2, 3) affine that scales and shifts."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    place = Placement(detect.apply(matrix, item.place.centre), item.place.side * scale, item.place.roll)
    return Candidate(place, detect.apply(matrix, item.head.reshape(2, 2)).ravel(), item.score)


def _distinct(found: list[Candidate]) -> list[Candidate]:
    """Best first; of those whose heads overlap the best one, moved to their mean weighted by score."""
    rest = sorted(found, key=lambda item: -item.score)
    kept = []
    while rest:
        same = [item for item in rest if _iou(item.head, rest[0].head) > OVERLAP or item is rest[0]]
        weights = np.array([item.score for item in same]) / sum(item.score for item in same)
        centre = sum(w * item.place.centre for w, item in zip(weights, same))
        rims = [item.place.centre + _up(item.place) for item in same]
        head = sum(w * item.head for w, item in zip(weights, same))
        place = place_of(centre, sum(w * rim for w, rim in zip(weights, rims)))
        kept.append(Candidate(place, head, rest[0].score))
        rest = [item for item in rest if not any(item is other for other in same)]
    return kept


def _up(place: Placement) -> NDArray:
    """(2,) from the middle of a square to the point above on the circle around the body."""
    return np.array([np.sin(place.roll), -np.cos(place.roll)]) * place.side / 2 / CROP_PER_CIRCLE


def _iou(a: NDArray, b: NDArray) -> float:
    common = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
    return float(common / max(areas - common, 1e-9))
