"""From the raw tensors of a single-shot detector (SSD, Liu et al. 2016) to detections: one guess per anchor."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from maquette.perception.models.results import DETECTOR_INPUT, PERSON_DETECTOR_INPUT, FaceDetection, PersonDetection

# As the networks were trained (their graphs in mediapipe): at each stride so many per cell.
PERSON_ANCHORS = ((8, 2), (16, 2), (32, 6))
FACE_ANCHORS = {"short": ((8, 2), (16, 6)), "full": ((4, 1),)}
SAME = 0.3  # intersection over union beyond which two guesses are of one face


@cache
def anchors(side: int, strides: tuple[tuple[int, int], ...]) -> NDArray:
    """(N, 2) centres of a detector's anchors, shares of its input's side.

    Args:
        side: of the input, pixels.
        strides: pixels between cells, and anchors in each cell.
    """
    out = []
    for stride, count in strides:
        middles = (np.arange(side // stride) + 0.5) * stride / side
        x, y = np.meshgrid(middles, middles)
        out.append(np.repeat(np.column_stack([x.ravel(), y.ravel()]), count, axis=0))
    return np.concatenate(out)


def decode_persons(values: NDArray, logits: NDArray, lowest: float) -> list[PersonDetection]:
    """Detections of the person detector, in the order of its anchors.

    Args:
        values: (2254, 12) per anchor, in pixels from it: middle and size of the face, then four points, of which the
            middle of the hips and the rim of the circle around the body come first.
        logits: (2254,) of the scores.
        lowest: score, 0-1, below which an anchor is passed over.
    """
    found = []
    centres = anchors(PERSON_DETECTOR_INPUT, PERSON_ANCHORS)
    for index, score in _likely(logits, lowest):
        row = values[index].astype(float)
        points = np.delete(row.reshape(6, 2), 1, axis=0) + centres[index] * PERSON_DETECTOR_INPUT
        found.append(PersonDetection(points[0], row[2:4], points[1], points[2], score))
    return found


def decode_faces(values: NDArray, logits: NDArray, reach: str, lowest: float) -> list[FaceDetection]:
    """Detections of a face detector, best first; guesses of one face are averaged by score (Bazarevsky et al. 2019).

    Args:
        values: (N, 16) per anchor, in pixels from it: middle and size of the face, then six key points.
        logits: (N,) of the scores.
        reach: "short" or "full".
        lowest: score, 0-1, below which an anchor is passed over.
    """
    side = DETECTOR_INPUT[reach]
    chosen = sorted(_likely(logits, lowest), key=lambda guess: -guess[1])
    if not chosen:
        return []
    index = np.array([guess[0] for guess in chosen])
    scores = np.array([guess[1] for guess in chosen])
    points = values[index].astype(float).reshape(-1, 8, 2)
    half = points[:, 1] / 2
    points += anchors(side, FACE_ANCHORS[reach])[index][:, None] * side
    boxes = np.concatenate([points[:, 0] - half, points[:, 0] + half], axis=1)
    found, left = [], np.ones(len(index), bool)
    for k in range(len(index)):
        if not left[k]:
            continue
        alike = left & (_shared(boxes[k], boxes) > SAME)
        alike[k] = True
        left &= ~alike
        share = scores[alike] / scores[alike].sum()
        box, keypoints = share @ boxes[alike], np.tensordot(share, points[alike, 2:], 1)
        found.append(FaceDetection(box, keypoints, float(scores[k])))
    return found


def _likely(logits: NDArray, lowest: float) -> list[tuple[int, float]]:
    scores = expit(logits.astype(float))
    return [(int(index), float(scores[index])) for index in np.flatnonzero(scores >= lowest)]


def _shared(box: NDArray, boxes: NDArray) -> NDArray:
    """(N,) intersection over union of one box (4,) with boxes (N, 4)."""
    extent = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.prod(np.maximum(extent, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return common / np.maximum(areas + np.prod(box[2:] - box[:2]) - common, 1e-12)
