"""From the raw tensors of a single-shot detector (SSD, Liu et al. 2016) to detections: one guess per anchor."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from maquette.perception.models.results import PERSON_DETECTOR_INPUT, PersonDetection

# As the network was trained (mediapipe, pose_detection graph): at each stride so many per cell.
PERSON_ANCHORS = ((8, 2), (16, 2), (32, 6))


@cache
def person_anchors() -> NDArray:
    """(2254, 2) centres of the person detector's anchors, shares of its input's side."""
    out = []
    for stride, count in PERSON_ANCHORS:
        middles = (np.arange(PERSON_DETECTOR_INPUT // stride) + 0.5) * stride / PERSON_DETECTOR_INPUT
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
    scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    chosen = np.flatnonzero(scores >= lowest)
    found = []
    for row, anchor, score in zip(values[chosen].astype(float), person_anchors()[chosen], scores[chosen]):
        points = np.delete(row.reshape(6, 2), 1, axis=0) + anchor * PERSON_DETECTOR_INPUT
        found.append(PersonDetection(points[0], row[2:4], points[1], points[2], float(score)))
    return found
