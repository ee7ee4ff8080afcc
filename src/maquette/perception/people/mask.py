"""The outline of one person, to the pixel, without the neighbours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception import detect, segment
from maquette.perception.mediapipe_graphs import POSE_INPUT
from maquette.perception.people.trace import Person

EDGE_SIDE = 1024  # pixels, longer side at which edges are refined; larger crops enlarge the result


def person_mask(pixels: NDArray, box: NDArray, person: Person, others: list[Person]) -> NDArray:
    """How likely each pixel shows this person.

    Args:
        pixels: (H, W, 3) uint8, the crop.
        box: (4,) what it shows, pixels of the full picture.
        person: the one in question.
        others: everybody else in the picture.

    Returns:
        (H, W) float32 in 0-1.
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, EDGE_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    guide = detect.shrunk(pixels, size) if factor < 1 else pixels
    coarse = outline_in(box, size, person)
    for other in others:
        coarse = coarse * (1 - np.clip(outline_in(box, size, other) - coarse, 0, 1))
    mask = segment.refine_edges(guide, coarse)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) if factor < 1 else mask


def outline_in(box: NDArray, size: tuple[int, int], person: Person) -> NDArray:
    """(height, width) float32: the network's outline in a crop that shows `box`, (width, height) `size`."""
    scaling = (box[2:] - box[:2]) / size
    to_full = np.array([[scaling[0], 0, box[0]], [0, scaling[1], box[1]], [0, 0, 1]])
    into = person.place.to_crop(POSE_INPUT) @ to_full
    return cv2.warpAffine(
        person.outline, detect.for_cv2(into), size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0
    )
