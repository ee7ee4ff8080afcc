"""How good a photo of a face is: sharpness, exposure, occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import skin, topology

FACE_HEIGHT = 256  # pixels to which the face is brought, so that the same face in a larger file is no sharper
REBLUR = 9  # pixels at that size
DARK, BRIGHT = 25, 245  # 8-bit: drowned and burnt out


@dataclass(frozen=True)
class Quality:
    """Facts about one face in one photo, all in 0-1.

    Attributes:
        sharpness: share of fine contrast that one more blur would destroy; under 0.35 looks blurred.
        brightness: mean over the face.
        dark: share of the face that is drowned in black.
        bright: share of the face that is burnt out.
        occlusion: share of the face's outline that is not skin-coloured: hair, beard, glasses, hands, mask.
    """

    sharpness: float
    brightness: float
    dark: float
    bright: float
    occlusion: float


def measure(observation: Observation) -> Quality:
    """Judge the face in an observation.

    Example:
        quality = measure(observe(frame, PerceptionOptions())[0])
    """
    pixels, landmarks = observation.frame.pixels, observation.landmarks
    inside = skin.face_region(pixels.shape, landmarks) > 0.5
    if not inside.any():
        return Quality(0.0, 0.0, 0.0, 0.0, 1.0)
    value = pixels.max(axis=2)[inside]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    bare = observation.skin[inside].mean() if observation.skin is not None else 1.0
    return Quality(
        sharpness=sharpness(grey, landmarks),
        brightness=float(grey[inside].mean() / 255),
        dark=float((value < DARK).mean()),
        bright=float((pixels.min(axis=2)[inside] > BRIGHT).mean()),
        occlusion=float(1 - bare),
    )


def sharpness(grey: NDArray, landmarks: NDArray) -> float:
    """Re-blur measure (Crete et al. 2007) on the face brought to a fixed size; free of contrast and of resolution.

    Args:
        grey: (H, W) uint8.
        landmarks: (478, 3), pixels.

    Returns:
        0 (no detail at that size) to 1.
    """
    height = float(np.linalg.norm(landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2]))
    low = np.maximum(np.floor(landmarks[:468, :2].min(axis=0)).astype(int), 0)
    high = np.ceil(landmarks[:468, :2].max(axis=0)).astype(int)
    face = grey[low[1] : high[1], low[0] : high[0]]
    if min(face.shape) < 4 or height < 4:
        return 0.0
    factor = FACE_HEIGHT / height
    size = max(8, round(face.shape[1] * factor)), max(8, round(face.shape[0] * factor))
    face = cv2.resize(face, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC).astype(np.float32)
    shares = []
    for axis, kernel in ((0, (1, REBLUR)), (1, (REBLUR, 1))):
        contrast = np.abs(np.diff(face, axis=axis))
        after = np.abs(np.diff(cv2.blur(face, kernel), axis=axis))
        shares.append(np.maximum(contrast - after, 0).sum() / max(float(contrast.sum()), 1e-6))
    return float(max(shares))
