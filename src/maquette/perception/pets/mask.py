"""The outline of an animal: a network's, moved to the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.copies import at_most
from maquette.perception.guided_filter import guided_filter
from maquette.perception.models.objects import FIELDS, SEGMENTER_SIDE, segment_objects

ANIMAL = ("cat", "dog", "horse", "sheep", "cow", "bird")  # a fox or a lion is now one, now another; fur is no bird
EDGE_SIDE = 640  # pixels, longer side at which edges are refined
EDGE_REACH = 2.0  # radius of the guided filter, pixels of the network's outline
EDGE_SMOOTHNESS = (0.02 * 255) ** 2
STEEPER = 2.0  # by how much the soft edge of the filter is steepened
LEAST = 0.04  # share of a crop below which the network has not seen the animal


def animal_mask(pixels: NDArray, box: NDArray) -> NDArray | None:
    """How likely each pixel shows the animal.

    Args:
        pixels: (H, W, 3) uint8, a crop.
        box: (4,) of the animal in it, pixels: parts of the outline outside, of other animals, do not count.

    Returns:
        (H, W) float32 in 0-1; None where the network sees none.
    """
    small = cv2.resize(pixels, (SEGMENTER_SIDE, SEGMENTER_SIDE), interpolation=cv2.INTER_AREA)
    twins = [small, np.ascontiguousarray(small[:, ::-1])]
    shares = [segment_objects(twin) for twin in twins]
    drawn = np.mean([_animal(shares[0]), _animal(shares[1])[:, ::-1]], axis=0).astype(np.float32)
    drawn = _of_one(drawn, box * SEGMENTER_SIDE / np.tile(pixels.shape[1::-1], 2))
    if drawn.mean() < LEAST:
        return None
    guide = at_most(pixels, EDGE_SIDE)
    height, width = guide.shape[:2]
    coarse = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(EDGE_REACH * max(height, width) / SEGMENTER_SIDE))
    fine = guided_filter(guide, coarse, radius, EDGE_SMOOTHNESS)
    fine = np.clip((fine - 0.5) * STEEPER + 0.5, 0, 1).astype(np.float32)
    return cv2.resize(fine, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _animal(shares: dict[str, NDArray]) -> NDArray:
    return np.sum([shares[kind] for kind in ANIMAL if kind in FIELDS.values()], axis=0)


def _of_one(drawn: NDArray, box: NDArray) -> NDArray:
    """An outline (h, w) without its parts that lie outside a box (4,)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((drawn > 0.5).astype(np.uint8), connectivity=4)
    inside = np.zeros(drawn.shape, bool)
    low, high = np.floor(box[:2]).astype(int).clip(0), np.ceil(box[2:]).astype(int)
    inside[low[1] : high[1], low[0] : high[0]] = True
    shares = np.bincount(labels[inside], minlength=count) / np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    kept = shares > 0.5
    kept[0] = True
    return np.where(kept[labels], drawn, 0).astype(np.float32)
