"""Strands of hair across a face: dark, thin, lone lines on lit skin, which the photo is then not asked about.

A strand is far darker than a fold and lies alone: fringes and beards are many lines side by side, and stay. What it
covers comes from another photo, the other side of the face, or the skin beside it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import FACE_WIDTH_M, Layers
from maquette.texturing.head.skin.rims import like_hair
from maquette.texturing.head.tones import Tones, rgb_of
from maquette.texturing.images import blurred, disc, smoothstep

WIDEST_M = 0.0024  # of a strand: what is wider is a lock
FOREHEAD_M, LOWEST_M = 0.030, -0.035  # y on the mean head: above brows; above beards
SHORTEST_M = (0.0055, 0.012)  # of a strand, outside a fringe: above the brows and below, where creases are dark too
# Natural logarithm of the skin beside a line over it: where a strand may be, along its darkest fifth, and where it
# crosses lids or brows, which are dark themselves. Folds reach 0.35.
DARKER, DARKEST, ACROSS = 0.30, 0.50, 0.70
OWN = 0.45  # of a strand's own darkness: what is less dark and touches it is a fold or a brow
SURELY_DARKER = 40.0  # lightness, 0-255, of skin over hair: fair hair looks like the shine of skin
LIKE_HAIR = 0.7  # share of its darkest fifth that is nearer to the hair's colour than to the skin's
SHADED = 1.2  # natural logarithm of the skin's median over what lies around a strand: darker surroundings are hair
ALONE_M, CROWDED, HAIRY = 0.003, 0.45, 0.6  # so far around: share of lines that is a fringe or a beard; share of hair
FEATURES_M = 0.002  # around brows, lids and lips
SEEN, CORE = 0.2, 0.3  # trust; of the face
HALO_M, SOFT_M = 0.0008, 0.0004  # around a strand: its blur and shadow; how softly the skin begins


def without_strands(seen: Baked, layers: Layers) -> Baked:
    """One photo brought to the texture, its light taken out, without trust in strands of hair across the face."""
    found = strands(seen, layers)
    if not found.any():
        return seen
    texel = FACE_WIDTH_M / layers.skin.size
    off = blurred(cv2.dilate(found.astype(np.float32), disc(HALO_M / texel)), SOFT_M / texel)
    return replace(seen, trust=(seen.trust * (1 - smoothstep(off, 0.0, 0.6))).astype(np.float32))


def strands(seen: Baked, layers: Layers) -> NDArray:
    """(h, w) bool: strands across the face; none where hair is no darker than skin."""
    found, tones = np.zeros(seen.trust.shape, bool), seen.tones
    if tones is None or tones.hair is None or tones.hair[0] > tones.skin[0] - SURELY_DARKER:
        return found
    zones, texel = layers.zones, FACE_WIDTH_M / layers.skin.size
    height = layers.skin.spread(layers.model.mean)[..., 1]
    darkness, skin = dark_lines(seen, tones, texel)
    features = np.maximum.reduce([zones["brows"], zones["edge"], zones["inner"]]).astype(np.float32)
    free = cv2.dilate(features, disc(FEATURES_M / texel)) < 0.3
    skin &= (zones["core"] > CORE) & (zones["inner"] < 0.3) & (height > LOWEST_M)
    lines = skin & (darkness > np.where(free, DARKER, ACROSS))
    alike = like_hair(seen)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, width, tall, area = boxes[label]
        if area * texel < SHORTEST_M[0]:
            continue
        box = slice(y, y + tall), slice(x, x + width)
        part = labels[box] == label
        dark, lone = darkness[box], part & free[box]
        if not lone.any():
            continue
        above = float(height[box][lone].mean()) > FOREHEAD_M
        if is_strand(lone, dark, alike[box], texel, SHORTEST_M[0 if above else 1]):
            found[box] |= part & (dark > OWN * np.quantile(dark[lone], 0.8))
    return found


def dark_lines(seen: Baked, tones: Tones, texel: float) -> tuple[NDArray, NDArray]:
    """How much darker each texel is than what lies beside it, if that is skin that no other lines are on.

    Returns:
        darkness: (h, w) natural logarithm, zero where nothing thinner than a strand is darker.
        skin: (h, w) bool.
    """
    light = np.log(np.maximum(seen.coarse.mean(axis=2), 6.0)).astype(np.float32)
    beside = cv2.morphologyEx(light, cv2.MORPH_CLOSE, disc(0.5 * WIDEST_M / texel))
    darkness = beside - light
    usual = np.log(max(float(rgb_of(tones.skin).mean()), 6.0))
    crowd = blurred((darkness > DARKER).astype(np.float32), ALONE_M / texel)
    hairy = blurred(seen.hair.astype(np.float32), ALONE_M / texel)
    return darkness, (beside > usual - SHADED) & (crowd < CROWDED) & (hairy < HAIRY) & (seen.trust > SEEN)


def is_strand(part: NDArray, darkness: NDArray, alike: NDArray, texel: float, shortest: float) -> bool:
    """Whether a piece of dark line is long, thin, dark, and in its darkest parts of the hair's colour.

    Args:
        part: (h, w) bool, the piece; darkness: (h, w), natural logarithm; alike: (h, w) bool, of the hair's colour.
        texel: metres; shortest: metres, of a strand.
    """
    length = max(cv2.minAreaRect(np.argwhere(part).astype(np.float32))[1]) * texel
    dark = float(np.quantile(darkness[part], 0.8))
    if length < shortest or part.sum() * texel**2 > WIDEST_M * length or dark < DARKEST:
        return False
    return bool(alike[part & (darkness >= dark)].mean() > LIKE_HAIR)
