"""How far what a photo shows is the head itself: no microphones, strands across cheeks, collars, earrings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.layers import Layers
from maquette.texturing.images import blurred, disc, smoothstep

FADE = 0.075  # of the texture's width, about 10 mm: how softly the photo ends outside the face's core
HALO = 0.008  # of the texture's width: beside what is no skin its blur is no skin either
SIDE_HALO = 0.018  # likewise, of strands and shadows on the cheeks
THINNEST = 0.006  # of the texture's width: thinner occluders are noise
SPECKLE = 0.012  # of the texture's width: seen spots and gaps that are narrower are noise
SMALLEST_OCCLUDER = 0.001  # of the chart's area
ONE_SIDED = 0.3  # share of an occluder whose mirror image is bare skin: beards and fringes are on both sides


def head_trust(geometric: NDArray, bare: NDArray, hair: NDArray, known_skin: NDArray, layers: Layers) -> NDArray:
    """How far each texel shows this head's own skin or hair.

    Args:
        geometric: (h, w) 0-1, how well the camera sees it.
        bare, hair: (h, w) 0-1, likeness to skin and hair.
        known_skin: (h, w) 0-1, the observation's own skin mask.
        layers: of the model.

    Returns:
        (h, w) float32 0-1.
    """
    zones = layers.zones
    # Brows, lips and beards are not bare skin, but belong to the face; at its rim hair and background look in.
    core = smoothstep(zones["core"], 0.3, 0.95) * smoothstep(geometric, 0.3, 0.9)
    # Around nose and mouth nothing else can be seen, however flat the view: a fill there would patch the nose.
    core = np.maximum(core, zones["middle"] * smoothstep(geometric, 0.02, 0.2))
    core = core * (1 - occluders(geometric, bare, known_skin, layers)) * (1 - side_occluders(bare, known_skin, layers))
    grown = smoothstep(zones["hairline"], 0.2, 0.6)
    loose = np.maximum(clean_skin(bare, layers) * (1 - zones["off"]), grown * np.maximum(hair, bare))
    outer = np.maximum(core, loose)
    inward = cv2.distanceTransform(((outer * geometric) > 0.35).astype(np.uint8), cv2.DIST_L2, 5) / outer.shape[1]
    fade = smoothstep(inward, 0.1 * FADE, FADE)
    return np.maximum(core, outer * fade).astype(np.float32)


def clean_skin(bare: NDArray, layers: Layers) -> NDArray:
    """(h, w) skin without speckles, narrow tongues and the blur beside what is not skin."""
    width = bare.shape[1]
    skin = (np.maximum(bare, layers.zones["core"]) > 0.5).astype(np.uint8)
    opened = cv2.morphologyEx(skin, cv2.MORPH_OPEN, disc(SPECKLE * width))
    solid = cv2.erode(opened, disc(HALO * width)).astype(np.float32)
    return np.minimum(bare, blurred(solid, 0.5 * HALO * width))


def side_occluders(bare: NDArray, known_skin: NDArray, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: hair that hangs down beside the face, background and deep shade on cheeks and temples."""
    width = bare.shape[1]
    # The tails of brows are dark without being covered.
    unlike = (np.maximum(bare, known_skin) < 0.5) & (layers.zones["beside"] > 0.02) & (layers.zones["brows"] < 0.1)
    opened = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_OPEN, disc(THINNEST * width))
    wide = cv2.dilate(opened, disc(SIDE_HALO * width)).astype(np.float32)
    return layers.zones["beside"] * (1 - layers.zones["brows"]) * blurred(wide, SIDE_HALO * width)


def occluders(geometric: NDArray, bare: NDArray, known_skin: NDArray, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: microphones, hands and strands before the lower face: unlike skin, but on one side only."""
    zones, width = layers.zones, bare.shape[1]
    unlike = (bare < 0.4) & (known_skin < 0.4) & (geometric > 0.3) & (zones["below"] > 0.5) & (zones["plain"] > 0.6)
    opened = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_OPEN, disc(THINNEST * width))
    count, labels = cv2.connectedComponents(opened, connectivity=8)
    if count < 2:
        return np.zeros(bare.shape, np.float32)
    area = np.bincount(labels.ravel(), minlength=count)
    skin_beyond = np.bincount(labels.ravel(), (bare[:, ::-1] > 0.5).ravel(), minlength=count)
    one_sided = (area > SMALLEST_OCCLUDER * bare.size) & (skin_beyond > ONE_SIDED * area)
    one_sided[0] = False
    found = cv2.dilate(one_sided[labels].astype(np.uint8), disc(0.022 * width)).astype(np.float32)
    return blurred(found, 0.008 * width)
