"""Animals and what may be mistaken for them, found and cut out by Google's networks for things of every kind."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from maquette.perception.boxes import intersection_over_union
from maquette.perception.models.interpreter import run

DETECTOR_SIDE, SEGMENTER_SIDE = 320, 257  # pixels: sides of the pictures that the networks see
KINDS = {  # numbers of the detector's classes (COCO) that are looked at
    0: "person", 15: "bird", 16: "cat", 17: "dog", 18: "horse", 19: "sheep", 20: "cow", 21: "elephant", 22: "bear",
    23: "zebra", 24: "giraffe", 87: "teddy bear",
}  # fmt: skip
FIELDS = {3: "bird", 8: "cat", 10: "cow", 12: "dog", 13: "horse", 15: "person", 17: "sheep"}  # the segmenter's (VOC)
STRIDES, GRID = (8, 16, 32, 64, 128), 3.0  # of the anchors; side of an anchor in strides
OCTAVES, ASPECTS = (0, 1 / 3, 2 / 3), (1.0, 2.0, 0.5)  # sizes and width over height of the anchors in each cell
SAME = 0.5  # intersection over union beyond which two boxes are of one thing
GREY = 127  # beside the picture


class ObjectDetection(NamedTuple):
    """One thing as the detector reports it.

    Attributes:
        box: (4,) x0, y0, x1, y1 pixels of the picture it was given; may reach beyond it.
        kind: one of KINDS.
        score: 0-1.
        scores: what every kind of KINDS got there.
    """

    box: NDArray
    kind: str
    score: float
    scores: dict[str, float]


def detect_objects(pixels: NDArray, lowest: float) -> list[ObjectDetection]:
    """Find animals, people and birds, best first, each once (Tan et al., EfficientDet, 2020).

    Args:
        pixels: (H, W, 3) uint8; is shrunk to 320 pixels.
        lowest: score, 0-1, from which a detection counts.
    """
    scale = DETECTOR_SIDE / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    square = np.full((DETECTOR_SIDE, DETECTOR_SIDE, 3), GREY, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=how)
    first, second = run("object-detector", square[None])
    scores, values = (first, second) if first.shape[-1] > second.shape[-1] else (second, first)
    wanted = scores[0][:, list(KINDS)]
    best = wanted.max(axis=1)
    found: list[ObjectDetection] = []
    for index in np.flatnonzero(best >= lowest)[np.argsort(-best[best >= lowest], kind="stable")]:
        box = _decoded(values[0, index], int(index)) / scale
        if all(intersection_over_union(box, other.box) < SAME for other in found):
            named = dict(zip(KINDS.values(), wanted[index].astype(float).tolist()))
            found.append(ObjectDetection(box, max(named, key=named.__getitem__), float(best[index]), named))
    return found


def segment_objects(square: NDArray) -> dict[str, NDArray]:
    """(257, 257) float32 per kind of FIELDS, 0-1: where it is (Chen et al., DeepLab v3, 2017).

    Args:
        square: (257, 257, 3) uint8.
    """
    (logits,) = run("object-segmenter", square[None] / np.float32(127.5) - 1)
    shares = softmax(logits[0], axis=-1)
    return {kind: np.ascontiguousarray(shares[..., number]) for number, kind in FIELDS.items()}


def _decoded(row: NDArray, index: int) -> NDArray:
    """(4,) x0, y0, x1, y1 pixels of the network's input, of one anchor's values y, x, height, width."""
    y, x, height, width = _anchors()[index]
    middle = np.array([x + row[1] * width, y + row[0] * height])
    half = np.exp(np.clip(row[[3, 2]].astype(float), -4, 4)) * [width, height] / 2
    return np.concatenate([middle - half, middle + half])


@cache
def _anchors() -> NDArray:
    """(19206, 4) middles y, x and heights, widths in pixels of the input."""
    out = []
    for stride in STRIDES:
        middles = (np.arange(-(-DETECTOR_SIDE // stride)) + 0.5) * stride
        y, x = np.meshgrid(middles, middles, indexing="ij")
        sides = np.array(
            [[GRID * stride * 2**o / np.sqrt(a), GRID * stride * 2**o * np.sqrt(a)] for o in OCTAVES for a in ASPECTS]
        )
        places = np.repeat(np.column_stack([y.ravel(), x.ravel()]), len(sides), axis=0)
        out.append(np.column_stack([places, np.tile(sides, (y.size, 1))]))
    return np.concatenate(out)
