"""Masks of hair, glasses and hats in the pixels of a crop, with the edges of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import apply, for_cv2, scale_of
from maquette.perception.copies import at_most
from maquette.perception.faces import topology
from maquette.perception.faces.parsing import reader
from maquette.perception.faces.parsing.doubts import settled
from maquette.perception.faces.parsing.network import Area
from maquette.perception.faces.regressor.align import cut
from maquette.perception.guided_filter import guided_filter

EDGE_SIDE = 512  # pixels, longer side at which edges are refined; larger crops enlarge the result
HAIR_REACH = 0.9  # guided filter radius in pixels of the network's output
SMOOTHNESS = (0.04 * 255) ** 2  # guided filter epsilon: contrast below 4 % of the range is no edge
STEEPER = 1.6  # by how much the soft edge of a guided filter is steepened
AROUND = 0.3  # share of the face's height around its oval within which what hangs together is this head's
BETWEEN_BROWS = 9  # landmark
LEAST = 0.5  # a share that counts as found
ON_TOP = 0.15  # share of a hat, or of a headscarf, that is above the forehead


@dataclass(frozen=True, eq=False)
class HeadMasks:
    """What covers the skin of one head, in its crop.

    Attributes:
        hair: (H, W) float32 in 0-1, the head's own hair, without brows and beard.
        beard: (H, W) float32 in 0-1, beard and moustache.
        glasses: (H, W) float32 in 0-1, frames, temples and dark lenses.
        headwear: (H, W) float32 in 0-1, a hat or a headscarf.
    """

    hair: NDArray
    beard: NDArray
    glasses: NDArray
    headwear: NDArray


def head_masks(pixels: NDArray, landmarks: NDArray, mask: NDArray, device: str = "cpu") -> HeadMasks:
    """The masks of one head.

    Args:
        pixels: (H, W, 3) uint8, a crop around it.
        landmarks: (478, 3), pixels of the crop.
        mask: (H, W) float32 in 0-1: the person.
        device: where the network runs: auto, cpu, cuda or mps.
    """
    height, width = pixels.shape[:2]
    small = at_most(pixels, EDGE_SIDE)
    size = small.shape[1::-1]
    scaling = np.array([size[0] / width, size[1] / height])
    points = np.asarray(landmarks, float)[:, :2] * scaling
    person = mask if size == (width, height) else cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    shares, matrix = reader.parse(small, points, person, device)
    forehead, brows = apply(matrix, points[[topology.FOREHEAD_TOP, BETWEEN_BROWS]])[:, 1].tolist()
    shares = settled(shares, cut(small, matrix, shares.shape[1]), forehead, brows)
    radius = max(1, round(HAIR_REACH / scale_of(matrix)))

    def placed(part: Area) -> NDArray:
        back = for_cv2(cv2.invertAffineTransform(matrix))
        return cv2.warpAffine(shares[part], back, size, flags=cv2.INTER_LINEAR)

    def edged(coarse: NDArray) -> NDArray:
        smooth = guided_filter(small, coarse, radius, SMOOTHNESS)
        return np.clip((smooth - 0.5) * STEEPER + 0.5, 0, 1).astype(np.float32)

    found = {
        "hair": attached(edged(placed(Area.HAIR)) * np.clip(2 * person, 0, 1), points),
        "beard": placed(Area.BEARD),
        "glasses": placed(Area.GLASSES),
        "headwear": on_the_head(edged(placed(Area.COVER)) * np.clip(2 * person, 0, 1), points),
    }
    if size != (width, height):
        found = {name: cv2.resize(m, (width, height), interpolation=cv2.INTER_LINEAR) for name, m in found.items()}
    return HeadMasks(**{name: np.ascontiguousarray(m, np.float32) for name, m in found.items()})


def on_the_head(cover: NDArray, points: NDArray) -> NDArray:
    """The pieces of a mask of covers (H, W) that reach above the forehead of landmarks (478, 2): no masks, no hands."""
    _, labels = cv2.connectedComponents((cover > LEAST).astype(np.uint8), connectivity=8)
    top, chin = points[topology.FOREHEAD_TOP], points[topology.CHIN]
    y, x = np.mgrid[0 : cover.shape[0], 0 : cover.shape[1]]
    up = (top - chin) / max(float((top - chin) @ (top - chin)), 1e-6)
    above = (x - top[0]) * up[0] + (y - top[1]) * up[1] > 0
    count = np.bincount(labels.ravel())
    high = np.bincount(labels[above], minlength=len(count))
    kept = high > ON_TOP * count
    kept[0] = False
    soft = cv2.dilate(kept[labels].astype(np.uint8), np.ones((5, 5), np.uint8))
    return attached((cover * soft).astype(np.float32), points)


def attached(hair: NDArray, points: NDArray) -> NDArray:
    """The part of a hair mask (H, W) that hangs together with the face of landmarks (478, 2), pixels."""
    count, labels = cv2.connectedComponents((hair > LEAST).astype(np.uint8), connectivity=8)
    if count <= 1:
        return hair
    around = np.zeros(hair.shape, np.uint8)
    outline = points[list(topology.FACE_OVAL)]
    height = float(np.linalg.norm(points[topology.FOREHEAD_TOP] - points[topology.CHIN]))
    cv2.fillConvexPoly(around, cv2.convexHull(np.round(outline).astype(np.int32)), (1,))
    reach = 1 + 2 * max(1, round(AROUND * height / 2))
    near = cv2.dilate(around, np.ones((reach, reach), np.uint8)) > 0
    own = np.unique(labels[near])
    kept = np.isin(labels, own[own > 0]).astype(np.uint8)
    # What is too faint for a component of its own is the soft edge of one.
    rim = np.ones((1 + 2 * max(1, round(0.04 * height)),) * 2, np.uint8)
    return hair * cv2.dilate(kept, rim)
