"""Where people may be: BlazePose's detector on the whole picture and on overlapping tiles, every detection of it.

The detector reports a person by the middle of the hips and the radius of a circle that holds the whole body
(Bazarevsky et al. 2020, BlazePose). Candidates only: `people.key_points` decides which of them are people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.perception import copies
from maquette.perception.affine import apply, scale_of
from maquette.perception.boxes import intersection_over_union
from maquette.perception.copies import Copy, Search, fitted
from maquette.perception.models import networks
from maquette.perception.models.results import PERSON_DETECTOR_INPUT as SIDE
from maquette.perception.square import Square

SURE = 0.5  # detector score, MediaPipe's default
UNSURE = 0.4  # detector score, enough where nothing better is found; no person of 38 views was below 0.61
CROP_PER_CIRCLE = 1.25  # crop side over the circle's diameter: what the network of key points was trained with
SEEN = 40.0  # pixels: shortest person that shows in the detector's 224
OVERLAP = 0.3  # intersection over union above which two detections are the same, MediaPipe's value
ONE_ROW = 1.3  # tiles grow by up to this if then one row of them is enough


@dataclass(frozen=True, eq=False)
class Candidate:
    """One detection.

    Attributes:
        square: the upright square around the body, pixels of the full picture.
        head: (4,) x0, y0, x1, y1 about the face, same pixels; always a fifth of the searched square.
        score: 0-1.
    """

    square: Square
    head: NDArray
    score: float


def candidates(search: Search) -> list[Candidate]:
    """Detections in a copy of the picture: best first, each person once, in pixels of the full picture."""
    found: list[Candidate] = []
    copy, division = search.copy, float(search.division)
    shorter, longer = sorted(copy.pixels.shape[:2])
    if longer / division < shorter < longer / division * ONE_ROW:
        division = longer / shorter
    for x, y, side in copies.tiles(copy.pixels.shape, division):
        tile = copy.pixels[y : y + side, x : x + side]
        into = copy.to_full @ np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])
        found += [_in_full(into, item) for item in _in_tile(tile, search.lowest)]
    return _distinct(found)


def useful_divisions(copy: Copy, shortest: float) -> list[int]:
    """2, 4, ... as far as tiles show people that the division before is too coarse for.

    Args:
        shortest: height of the smallest wanted person, pixels of the full picture.
    """
    return copies.useful_divisions(copy, shortest, SIDE, SEEN)


def body_square(hips: NDArray, rim: NDArray) -> Square:
    """The square around a body from the middle of its hips (2,) and the point above on the circle around it (2,)."""
    up = rim - hips
    radius = max(float(np.linalg.norm(up)), 4.0)
    return Square(hips, 2 * radius * CROP_PER_CIRCLE, float(np.arctan2(up[0], -up[1])))


def _in_tile(pixels: NDArray, lowest: float) -> list[Candidate]:
    """Detections in a picture that is letterboxed to the detector's square, in pixels of that picture."""
    small = fitted(pixels, SIDE)
    height, width = small.shape[:2]
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[top : top + height, left : left + width] = small
    back = np.array([pixels.shape[1] / width, pixels.shape[0] / height])
    found = []
    for item in networks.detect_persons(square, lowest):
        face, hips, rim = ((point - [left, top]) * back for point in (item.face, item.hips, item.rim))
        half = item.face_size / 2 * back
        found.append(Candidate(body_square(hips, rim), np.concatenate([face - half, face + half]), item.score))
    return found


def _in_full(matrix: NDArray, item: Candidate) -> Candidate:
    """A candidate through a (2, 3) affine that scales and shifts."""
    square = Square(apply(matrix, item.square.centre), item.square.side * scale_of(matrix), item.square.roll)
    return Candidate(square, apply(matrix, item.head.reshape(2, 2)).ravel(), item.score)


def _distinct(found: list[Candidate]) -> list[Candidate]:
    """Best first; of those whose heads overlap the best one, moved to their mean weighted by score."""
    rest = sorted(found, key=lambda item: -item.score)
    kept = []
    while rest:
        same = [item for item in rest if item is rest[0] or intersection_over_union(item.head, rest[0].head) > OVERLAP]
        weights = np.array([item.score for item in same]) / sum(item.score for item in same)
        centre = _mean(weights, [item.square.centre for item in same])
        rim = _mean(weights, [item.square.centre + _up(item.square) for item in same])
        head = _mean(weights, [item.head for item in same])
        kept.append(Candidate(body_square(centre, rim), head, rest[0].score))
        rest = [item for item in rest if not any(item is other for other in same)]
    return kept


def _mean(weights: NDArray, values: list[NDArray]) -> NDArray:
    """The weighted sum, one after the other."""
    total = np.zeros_like(values[0])
    for weight, value in zip(weights, values):
        total = total + weight * value
    return total


def _up(square: Square) -> NDArray:
    """(2,) from the middle of a square to the point above on the circle around the body."""
    return np.array([np.sin(square.roll), -np.cos(square.roll)]) * square.side / 2 / CROP_PER_CIRCLE
