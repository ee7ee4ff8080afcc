"""What a photo must not be asked about the skin: what is no person, and what lies in the openings of eyes and mouth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import topology
from maquette.texturing.images import blurred, disc, image_at, sixteenths, smoothstep

MASK_SIDE = 512  # pixels, longer side of the copy of the masks that is worked on
MASK_MARGIN = 0.09  # of the distance between the irises: the rim of the person's mask that is not believed
PLAIN_MARGIN_PX = 3.0  # likewise, where no landmarks give that distance
LIP_MARGIN = 0.02  # of the distance between the irises: lips that near to a gap between them are not believed
LID_MARGIN = 0.012  # of the face's height: so far within the lids' landmarks the eye begins


def photo_masks(observation: Observation, place: NDArray) -> tuple[NDArray, NDArray]:
    """Person and eye and mouth openings of the photo at the texels, (h, w) float32 0-1 each."""
    height, width = observation.mask.shape
    factor = min(1.0, MASK_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    ratio = np.array(size) / (width, height)
    mask = cv2.resize(observation.shown, size, interpolation=cv2.INTER_AREA)
    opening = np.zeros(mask.shape, np.uint8)
    margin = PLAIN_MARGIN_PX
    if observation.landmark_scheme == topology.SCHEME:
        points = observation.landmarks[:, :2] * ratio
        eyes = float(np.linalg.norm(points[topology.RIGHT_IRIS[0]] - points[topology.LEFT_IRIS[0]]))
        chin = float(np.linalg.norm(points[topology.CHIN] - points[topology.FOREHEAD_TOP]))
        margin = MASK_MARGIN * max(eyes, 0.4 * chin)
        for outline in (topology.RIGHT_EYE, topology.LEFT_EYE):
            cv2.fillPoly(opening, [sixteenths(points[list(outline)])], (255,), cv2.LINE_AA, 4)
        eroded = cv2.erode(opening, disc(LID_MARGIN * chin))
        opening = np.maximum(eroded, mouth_gap(points, (size[1], size[0]), eyes))
    inner = blurred(cv2.erode(mask, disc(margin)), margin / 3)
    at = place * ratio.astype(np.float32)
    return image_at(smoothstep(inner, 0.45, 0.85).astype(np.float32), at), smoothstep(
        image_at(opening, at).astype(np.float32), 60, 200
    ).astype(np.float32)


def mouth_gap(points: NDArray, shape: tuple[int, int], eyes: float) -> NDArray:
    """(h, w) uint8, 255 between parted lips and a little beyond, so that no tooth is taken for lip; nothing if closed.

    Args:
        points: (478, 2) landmarks in pixels; eyes: the irises' distance, pixels.
    """
    gap = np.zeros(shape, np.uint8)
    outline = points[list(topology.MOUTH_OPENING)]
    if cv2.contourArea(outline.astype(np.float32)) > 0.01 * eyes**2:
        cv2.fillPoly(gap, [sixteenths(outline)], (255,), cv2.LINE_AA, 4)
        width = max(1, round(2 * LIP_MARGIN * eyes))
        cv2.polylines(gap, [sixteenths(outline)], True, (255,), width, cv2.LINE_AA, 4)
    return gap
