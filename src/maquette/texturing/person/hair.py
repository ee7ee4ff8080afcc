"""The colour of somebody's hair, from the photo: what lies along the top of the head's outline and is not skin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation

SCHEME = "mediapipe33"
NOSE, EYES, MOUTH = 0, (2, 5), (9, 10)
SUREST = 0.5  # confidence of the nose from which a face is believed
SKULL = (1.0, 3.2)  # above and around the eyes, distances from eyes to mouth: where hair is looked for
RIM = 0.45  # likewise: how far within the outline
LEAST_PX = 3.0
SHARE = 0.3  # of the rim: so much unlike skin is hair
PURE = 0.75  # quantile of the distances from wall and skin from which on hair is not mixed with them
ENOUGH = 12  # pixels
DARKER, TINT = 0.3, 0.08  # logarithm of brightness, and share of a channel, by which hair is unlike skin


def hair_seen(observation: Observation) -> NDArray | None:
    """(3,) 8-bit sRGB the hair in a photo; None where no face or no hair shows."""
    if observation.landmark_scheme != SCHEME or observation.landmark_confidence[NOSE] < SUREST:
        return None
    points = observation.landmarks[:, :2]
    eyes, mouth = points[list(EYES)].mean(axis=0), points[list(MOUTH)].mean(axis=0)
    unit = float(np.linalg.norm(eyes - mouth))
    mask = (observation.mask > 0.5).astype(np.uint8)
    if unit < LEAST_PX or not mask.any():
        return None
    pixels = cv2.GaussianBlur(observation.frame.pixels, (0, 0), 0.05 * unit + 0.3).astype(float)
    height, width = mask.shape
    x, y = np.meshgrid(np.arange(width) + 0.5 - eyes[0], np.arange(height) + 0.5 - eyes[1])
    up = (eyes - mouth) / unit
    above, reach = (x * up[0] + y * up[1]) / unit, np.hypot(x, y) / unit
    # Beyond the picture's edge the head goes on: no outline.
    inward = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)
    rim = inward[1:-1, 1:-1] < max(RIM * unit, LEAST_PX)
    crown = (mask > 0) & rim & (above > SKULL[0]) & (reach < SKULL[1])
    face = (mask > 0) & (above < 0) & (reach < 0.8)
    if crown.sum() < ENOUGH or face.sum() < ENOUGH:
        return None
    skin = np.median(pixels[face], axis=0)
    unlike = unlike_skin(pixels[crown], skin)
    if unlike.mean() < SHARE:
        return None
    hair, around = pixels[crown][unlike], (mask == 0) & (above > SKULL[0]) & (reach < SKULL[1])
    if around.any():
        # A thin rim of hair is mixed with the wall outside and the skin inside: what is least like both counts.
        mixed = np.median(pixels[around], axis=0), skin
        apart = np.min([np.linalg.norm(hair - colour, axis=1) for colour in mixed], axis=0)
        hair = hair[apart >= np.quantile(apart, PURE)]
    return np.median(hair, axis=0)


def unlike_skin(colours: NDArray, skin: NDArray) -> NDArray:
    """(N,) bool: which colours (N, 3) are darker than skin (3,) or of another tint; light on skin is neither."""
    light, tint = (x - y for x, y in zip(_light_and_tint(colours), _light_and_tint(skin)))
    return (light < -DARKER) | ((np.abs(tint).max(axis=-1) > TINT) & (light < DARKER))


def _light_and_tint(colour: NDArray) -> tuple[NDArray, NDArray]:
    """Logarithm of the brightness (...), and (..., 3) shares of the channels."""
    level = colour.sum(axis=-1, keepdims=True) + 6
    return np.log(level[..., 0]), (colour + 2) / level
