"""Folds of the photo's expression softened: a neutral face has no frown, no smile line and no raised forehead.

Where an expression that the photo has folds the skin, what varies over a few millimetres is taken to be folds and
shrunk; pores and the shape of the face are finer and coarser, and stay. Around eyes and brows nothing is touched:
there lines are the person's, and a face recognition network misses them at once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.models.results import BLENDSHAPES
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import FACE_WIDTH_M, Layers
from maquette.texturing.images import blurred, disc, enlarged, smoothstep

# Of the mean head, metres: x (on both sides) and y of the middle of where skin folds, half its width and height; and
# the expressions that fold it.
FOREHEAD = (0.000, 0.062, 0.058, 0.036), ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
FROWN = (0.000, 0.030, 0.014, 0.026), ("browDownLeft", "browDownRight", "noseSneerLeft", "noseSneerRight")
SMILE = (0.034, -0.052, 0.020, 0.028), ("mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft", "mouthUpperUpRight")
CROW = (0.054, -0.012, 0.014, 0.026), ("mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight")
PLACES = FOREHEAD, FROWN, SMILE, CROW
FOLDED = (0.12, 0.5)  # score of an expression from which skin begins to fold, and has
FOLD_M = (0.00025, 0.0032)  # standard deviations between which a fold's width lies
FEATURES_M = 0.003  # around brows, lids and lips: not touched
STRENGTHS = 0.9, 0.65, 0.65, 0.65  # of what is taken away, by place: not all lines are of the expression, but nearly
# all of a forehead's under raised brows
CLIP = 45.0  # 8-bit levels: what differs more is no fold
BARE_M = 0.004  # over which skin is looked for: beards are no folds
STRIP = 256  # rows worked on at a time


def without_folds(seen: Baked, observation: Observation, layers: Layers) -> Baked:
    """One photo brought to the texture, its light taken out, with the folds of its expression softened."""
    active = folding(observation, layers)
    if active.max() < 0.02:
        return seen
    texel = FACE_WIDTH_M / layers.skin.size
    weight = smooth_skin(seen, layers)
    shares = [np.maximum(blurred(weight, sigma / texel), 1e-3) for sigma in FOLD_M]
    fine, coarse = (
        blurred(seen.coarse * weight[..., None], sigma / texel) / share[..., None]
        for sigma, share in zip(FOLD_M, shares)
    )
    sure = smoothstep(shares[0], 0.4, 0.8) * smoothstep(shares[1], 0.3, 0.7)
    change = np.clip(coarse - fine, -CLIP, CLIP) * (active * sure)[..., None]
    return changed(seen, change.astype(np.float32))


def lasting(observation: Observation, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: share of the folds that a neutral face has too."""
    return np.float32(1) - folding(observation, layers)


def changed(seen: Baked, change: NDArray) -> Baked:
    """The photo with something (h, w, 3) added to its colours, 8-bit levels."""
    large = enlarged(change, seen.colour.shape[:2])
    colour = np.empty_like(seen.colour)
    for row in range(0, len(colour), STRIP):
        rows = slice(row, row + STRIP)
        colour[rows] = np.clip(np.rint(seen.colour[rows] + large[rows]), 0, 255)
    return replace(seen, colour=colour, coarse=np.clip(seen.coarse + change, 0, 255))


def folding(observation: Observation, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: how much of the folds the photo's expression has made; nowhere if nobody looked for one."""
    found = np.zeros(layers.ambient.shape, np.float32)
    scores = observation.expression_scores
    if scores is None:
        return found
    for zone, (_, units), strength in zip(fold_zones(layers), PLACES, STRENGTHS):
        strongest = max(float(scores[BLENDSHAPES.index(unit)]) for unit in units)
        found = np.maximum(found, zone * np.float32(strength * smoothstep(strongest, *FOLDED)))
    return found


@lru_cache(maxsize=2)
def fold_zones(layers: Layers) -> tuple[NDArray, ...]:
    """(h, w) float32 0-1 each, as in PLACES, without the features of the face."""
    x, y, z = np.moveaxis(layers.skin.spread(layers.model.mean), -1, 0)
    zones, texel = layers.zones, FACE_WIDTH_M / layers.skin.size
    features = np.maximum.reduce([zones["brows"], zones["edge"], zones["inner"]])
    grown = cv2.dilate(features.astype(np.float32), disc(FEATURES_M / texel))
    free = (1 - smoothstep(blurred(grown, 0.5 * FEATURES_M / texel), 0.1, 0.6)) * zones["core"] * (z > 0)
    middles = (zone for zone, _ in PLACES)
    radii = (np.hypot((np.abs(x) - u) / half, (y - v) / height) for u, v, half, height in middles)
    return tuple((free * (1 - smoothstep(radius, 0.7, 1.0))).astype(np.float32) for radius in radii)


def smooth_skin(seen: Baked, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: skin that is seen, without brows, lids, lips, nostrils and beard."""
    zones, texel = layers.zones, FACE_WIDTH_M / layers.skin.size
    bare = smoothstep(blurred(seen.bare, BARE_M / texel), 0.2, 0.5)
    features = np.maximum.reduce([zones["brows"], zones["edge"], zones["inner"]])
    found: NDArray = (seen.trust * bare * (1 - smoothstep(features, 0.02, 0.3))).astype(np.float32)
    return found
