"""Blinks of a clip: how far each eye is open beside how far it usually is.

In a photo nobody knows how wide a face's eyes are, and a fit splits what it sees between the lids and the shape. In a
clip the eye itself is the measure: an opening that is a quarter of the usual one is a shut eye whose landmarks have
not quite followed, which is what they do in a blink of two frames and in small pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from maquette.core.motion import SIDES
from maquette.perception.faces import topology

EYES = (topology.LEFT_EYE, topology.RIGHT_EYE)  # in the order of SIDES
LIDS = ((3, 13), (4, 12), (5, 11))  # places across each other in the outlines
SHUT = 0.23  # of the usual opening: what shut eyes still measure
USUAL = 0.6  # quantile of the openings that is the usual one: blinks and glances down are below
NARROWEST, WIDEST = 0.16, 0.5  # height over width of a usual opening
LOCAL = 21  # frames over which eyes count as wide
HIDDEN = 0.72  # of the usual opening, below which an iris is half behind its lids
STILL, WIDENING = 0.15, 0.08  # of a blink: what lids do all the time
# How much of a blink a whole unit shuts an eye, measured on the model; and how much eyeWide opens it.
SHUTTING = {"eyeLookDown": 0.62, "eyeLookUp": -0.21, "eyeSquint": 0.23, "cheekSquint": 0.28}
OPENING = 0.34
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


def usual_opening(opening: NDArray) -> NDArray:
    """(2,) of (N, 2) levelled openings, of which some were seen of each eye."""
    return np.clip(np.nanquantile(opening, USUAL, axis=0), NARROWEST, WIDEST)


def between_blinks(gaze: NDArray, opening: NDArray) -> NDArray:
    """(N, 2, 2) the gaze (N, 2, 2), in blinks as it goes on from before to after: irises behind lids are guesses."""
    if not np.isfinite(opening).any(axis=0).all():
        return gaze
    hidden = np.nanmin(opening / usual_opening(opening), axis=1, initial=1.0) < HIDDEN
    hidden[1:-1] |= hidden[:-2] & hidden[2:]
    if hidden.all() or not hidden.any():
        return gaze
    seen, places = np.flatnonzero(~hidden), np.arange(len(gaze))
    flat = gaze.reshape(len(gaze), 4)
    found = np.stack([np.interp(places, seen, flat[seen, k]) for k in range(4)], axis=1)
    return found.reshape(gaze.shape)


def lid_weights(opening: NDArray, expression: NDArray, names: Sequence[str]) -> NDArray:
    """(N, E) weights whose eyeBlink and eyeWide bring the lids to where they are seen.

    Other units move the lids too, above all a glance down; what they do not explain is a blink, or an eye that is wide.

    Args:
        opening: (N, 2) levelled, left and right; NaN where it was not seen: those eyes stay as they are.
        expression: (N, E) of units with these names.
    """
    kept = np.array(expression, float)
    if not np.isfinite(opening).any(axis=0).all():
        return kept
    usual = usual_opening(opening)
    places = list(names)
    for k, side in enumerate(SIDES):
        seen = np.isfinite(opening[:, k])
        shut = (1 - opening[seen, k] / usual[k]) / (1 - SHUT)
        others = sum(share * kept[seen, places.index(f"{unit}{side}")] for unit, share in SHUTTING.items())
        left = shut - others
        # Eyes that are wide before and after a blink are wide in it too, or the blink would seem half as deep.
        wide = np.minimum(median_filter(left, min(LOCAL, len(left)), mode="nearest"), 0)
        blink = np.clip((left - wide - STILL) / (1 - STILL), 0, 1)
        # A lid that is down is down, whatever the glance is thought to have done.
        kept[seen, places.index(f"eyeBlink{side}")] = np.maximum(blink, np.where(shut > 0.85, 1 - others, 0))
        kept[seen, places.index(f"eyeWide{side}")] = np.clip(
            (-np.where(blink > 0, wide, left) - WIDENING) / OPENING, 0, 1
        )
    return kept
