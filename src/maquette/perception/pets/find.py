"""Animals in a picture: boxes, each with what kind of animal the detector takes it for."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.boxes import covered, intersection_over_union
from maquette.perception.models.objects import ObjectDetection, detect_objects

ANIMALS = ("cat", "dog", "bear", "horse", "sheep", "cow", "elephant", "zebra", "giraffe", "teddy bear")
HOOFED = ("horse", "sheep", "cow", "elephant", "zebra", "giraffe")  # which no model of ours resembles
TOY = "teddy bear"
SURE, LEAST = 0.3, 0.2  # scores from which an animal counts, and from which a doubtful one does if there is no other
OTHERS_SURE = 0.5  # of a person or bird, to name it where there is no animal
SAME = 0.45  # intersection over union of two boxes of one animal
INSIDE = 0.85  # share of a box inside a larger one from which on it is a part of that animal
SHRUNK = 0.6  # of a picture that an animal fills: it is looked for once more, smaller, on grey
PART = 0.5  # share of a tile's box inside one of the whole picture from which on it is the same animal
TILED = 900  # pixels of the longer side from which on a picture is searched in overlapping tiles too
TILE = 0.6  # side of a tile, of the picture's
EDGE = 0.06  # of a tile, along its border: what lies there is cut
GREY = 127


@dataclass(frozen=True, eq=False)
class Animal:
    """One animal in a picture.

    Attributes:
        box: (4,) x0, y0, x1, y1 pixels, within the picture.
        kind: one of ANIMALS: what the detector takes it for; it knows no fox and no tiger.
        score: 0-1.
        scores: of each kind that the detector knows.
    """

    box: NDArray
    kind: str
    score: float
    scores: dict[str, float]


@dataclass(frozen=True, eq=False)
class Found:
    """What is in a picture.

    Attributes:
        animals: best first.
        others: "person" or "bird" where one is surely seen, whether or not there are animals.
    """

    animals: tuple[Animal, ...]
    others: tuple[str, ...]


def find_animals(pixels: NDArray) -> Found:
    """The animals of a picture, each once.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
    """
    seen = detect_objects(pixels, LEAST)
    found = _once(seen, pixels, SURE)
    if max(pixels.shape[:2]) >= TILED:
        # What a tile shows of an animal that the whole picture shows is a part of it.
        closer = _once(_in_tiles(pixels), pixels, SURE)
        found += [one for one in closer if all(covered(one.box, other.box) < PART for other in found)]
    if not found:
        found = _once(seen + _shrunk(pixels), pixels, LEAST)
    rivals = [one for one in seen if one.kind in ("person", "bird") and one.score >= OTHERS_SURE]
    found = [animal for animal in found if not _mistaken(animal, rivals)]
    return Found(tuple(found), tuple(sorted({one.kind for one in rivals})))


def _once(seen: list[ObjectDetection], pixels: NDArray, lowest: float) -> list[Animal]:
    """Animals among detections, boxes of the same one joined; what lies within a larger one is a part of it."""
    size = np.tile(np.array(pixels.shape[1::-1], float), 2)
    out: list[Animal] = []
    for one in sorted(seen, key=lambda one: -max(one.scores[kind] for kind in ANIMALS)):
        kind = max(ANIMALS, key=one.scores.__getitem__)
        box = np.clip(one.box, 0, size)
        if one.scores[kind] < lowest or (box[2:] - box[:2]).min() < 8:
            continue
        if all(intersection_over_union(box, a.box) < SAME and covered(box, a.box) < INSIDE for a in out):
            out.append(Animal(box, kind, one.scores[kind], one.scores))
    return out


def _mistaken(animal: Animal, rivals: list[ObjectDetection]) -> bool:
    """Whether a person or a bird stands in the same place, and more surely."""
    return any(rival.score > animal.score and intersection_over_union(animal.box, rival.box) > SAME for rival in rivals)


def _in_tiles(pixels: NDArray) -> list[ObjectDetection]:
    """What four overlapping tiles show, in pixels of the picture; not what a tile's inner edge cuts."""
    height, width = pixels.shape[:2]
    tall, wide = round(TILE * height), round(TILE * width)
    out = []
    for top in (0, height - tall):
        for left in (0, width - wide):
            for one in detect_objects(pixels[top : top + tall, left : left + wide], SURE):
                edge = EDGE * np.array([wide, tall])
                low, high = one.box[:2] < edge, one.box[2:] > np.array([wide, tall]) - edge
                inner = np.array([left > 0, top > 0]), np.array([left + wide < width, top + tall < height])
                if not ((low & inner[0]) | (high & inner[1])).any():
                    out.append(one._replace(box=one.box + np.tile([left, top], 2)))
    return out


def _shrunk(pixels: NDArray) -> list[ObjectDetection]:
    """What is seen of a picture with an empty border: a face that fills it is no known shape else."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (max(1, round(SHRUNK * width)), max(1, round(SHRUNK * height))))
    canvas = np.full_like(pixels, GREY)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    shift = np.tile([left, top], 2)
    return [one._replace(box=(one.box - shift) / SHRUNK) for one in detect_objects(canvas, LEAST)]
