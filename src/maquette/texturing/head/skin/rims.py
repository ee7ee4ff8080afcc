"""What ends the seen skin in another colour: strands beside a jaw, the red edge of a mask, a shadow's border.

The fill carries on what lies at its border, so that a few dark texels there become a band around the face.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import Layers
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import blurred, disc, membrane, smoothstep

RIM = (0.030, 0.050)  # of the texture's width: so far from its border skin may be of the rim
SEEN = 0.3  # trust
# Natural logarithm of the skin farther in over the rim: what is alike and what is not; and where something else begins.
DARKER, REDDER = (0.14, 0.28), (0.07, 0.14)
OTHER_DARKER, OTHER_REDDER = 0.70, 0.14
COVERED = 0.55  # mean trust of nose and mouth: a mask hides more, and its edge is red; other rims are hair
STRANDS = 0.012  # of what is seen: fewer dark texels are shade as often as hair
SEED, SPECKLE = 0.035, 0.004  # of the texture's width: how far around that alone it goes on, and what is only noise
HALO, SOFT = 0.008, 0.005  # likewise: around it, its blur


def without_rims(seen: Baked, layers: Layers) -> Baked:
    """The photo without the rim of its skin where that is darker or redder than the skin farther in.

    Nothing is taken away on nose, mouth, eyes and brows, nor where hair may be seen.
    """
    zones, width = layers.zones, seen.trust.shape[1]
    shown = ((seen.trust > SEEN) | (zones["inner"] > 0.3)).astype(np.uint8)
    inward = cv2.distanceTransform(cv2.copyMakeBorder(shown, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)
    inward = inward[1:-1, 1:-1] / width
    features = np.maximum.reduce([zones["brows"], zones["edge"], zones["middle"], zones["inner"]])
    side = np.maximum(zones["beside"], zones["below"]) * (1 - zones["hairline"])
    within = (seen.trust * zones["plain"] * smoothstep(inward, *RIM)).astype(np.float32)
    if within.max() < SEEN:
        return seen
    logarithm = np.log(np.maximum(seen.coarse, 8.0))
    change = logarithm - membrane(logarithm, within, firmness=0.002)
    dark, red = -change.mean(axis=2), change[..., 0] - change[..., 1]
    rim = (1 - smoothstep(inward, *RIM)) * side * (1 - smoothstep(features, 0.05, 0.4))
    covered = np.average(seen.trust, weights=zones["middle"]) < COVERED
    other = (red > OTHER_REDDER) if covered else (dark > OTHER_DARKER) & like_hair(seen)
    seeds = (other & (rim > 0.5) & (seen.trust > 0.05)).astype(np.uint8)
    seeds = cv2.morphologyEx(seeds, cv2.MORPH_OPEN, disc(SPECKLE * width))
    if seeds.sum() <= (0 if covered else STRANDS * seen.trust.sum()):
        return seen
    off = np.maximum(smoothstep(dark, *DARKER), smoothstep(red, *REDDER)) * rim * cv2.dilate(seeds, disc(SEED * width))
    off = blurred(cv2.dilate(off.astype(np.float32), disc(HALO * width)), SOFT * width)
    return replace(seen, trust=(seen.trust * (1 - off)).astype(np.float32))


def like_hair(seen: Baked) -> NDArray:
    """(h, w) bool: nearer to the colour of the hair than to that of the skin."""
    tones = seen.tones
    if tones is None or tones.hair is None:
        return np.zeros(seen.trust.shape, bool)
    lab = lab_of(seen.coarse)
    found: NDArray = np.linalg.norm(lab - tones.hair, axis=2) < np.linalg.norm(lab - tones.skin, axis=2)
    return found
