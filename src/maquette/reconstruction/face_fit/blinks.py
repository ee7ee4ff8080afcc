"""Blinks of a clip: how far each eye is open beside how far it usually is.

In a photo nobody knows how wide a face's eyes are, and a fit splits what it sees between the lids and the shape. In a
clip the eye itself is the measure: an opening that is a quarter of the usual one is a shut eye whose landmarks have
not quite followed, which is what they do in a blink of two frames and in small pictures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import topology

EYES = (topology.LEFT_EYE, topology.RIGHT_EYE)  # in the order of `core.motion.SIDES`
LIDS = ((3, 13), (4, 12), (5, 11))  # places across each other in the outlines
SHUT = 0.25  # of the usual opening: what shut eyes still measure
USUAL = 0.6  # quantile of the openings that is the usual one: blinks and glances down are below
NARROWEST, WIDEST = 0.16, 0.5  # height over width of a usual opening
STILL = 0.15  # of a blink: what lids do all the time
STEEPEST = np.radians(60.0)  # head turns beyond which nothing is corrected any more


def openings(landmarks: NDArray) -> NDArray:
    """(2,) height over width of the left and the right eye's opening, (478, 2+) landmarks."""
    found = []
    for eye in EYES:
        outline = landmarks[list(eye), :2]
        width = float(np.linalg.norm(outline[8] - outline[0]))
        height = np.mean([np.linalg.norm(outline[low] - outline[high]) for low, high in LIDS])
        found.append(height / max(width, 1e-6))
    return np.array(found)


def levelled(opening: NDArray, yaw: NDArray, pitch: NDArray) -> NDArray:
    """(N, 2) openings as they would be seen from the front, of heads turned by (N,) radians."""
    across, up = (np.cos(np.clip(turn, -STEEPEST, STEEPEST)) for turn in (yaw, pitch))
    found: NDArray = opening * (across / up)[:, None]
    return found


def blink_weights(opening: NDArray, down: NDArray, lid_share: float) -> NDArray:
    """(N, 2) weights of eyeBlinkLeft and eyeBlinkRight, 0-1.

    Args:
        opening: (N, 2) levelled; NaN where it was not seen.
        down: (N, 2) weights of eyeLookDownLeft and eyeLookDownRight, which lower a lid too.
        lid_share: by how much of a blink they do, see `MorphableModel.lid_share`.

    Returns:
        NaN where the opening is.
    """
    usual = np.full(2, np.nan)
    if np.isfinite(opening).any(axis=0).all():
        usual = np.clip(np.nanquantile(opening, USUAL, axis=0), NARROWEST, WIDEST)
    shut = (1 - opening / usual) / (1 - SHUT)
    shut = np.clip((shut - STILL) / (1 - STILL), 0, 1)
    found: NDArray = np.clip(shut - lid_share * down * shut, 0, 1)
    return found
