"""What a glance at colours corrects: hair that was taken for a hat, and eyes that were taken for dark glasses."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces.parsing.network import Area

HAT_FROM = 0.5  # share of cover among cover and hair above the forehead: three in four drawn hats have more
ALIKE = 8.0  # CIELAB distance of mean colours below which a hat and the hair beside it are one
FEW = 40  # pixels of the shares' 128 x 128, fewer say nothing of a colour
SOLID = np.ones((5, 5), np.uint8)  # frames are narrower than this, dark lenses wider
SOLID_SHARE = 0.6  # of a mask of glasses: more are lenses, not frames
SKINNY = 18.0  # CIELAB distance of mean colours below which lenses are skin


def settled(shares: NDArray, crop: NDArray, forehead: float, brows: float) -> NDArray:
    """The shares with hats given back to the hair, and glasses to the skin, where there surely are none.

    Args:
        shares: (7, S, S) float32 in 0-1, parts as in `Area`.
        crop: (S, S, 3) uint8, the picture in the same pixels.
        forehead, brows: rows of the forehead's top, and of the brows: a fringe may reach them.

    Returns:
        (7, S, S) float32 in 0-1.
    """
    shares = shares.copy()
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    top = int(np.clip(forehead, 0, len(crop)))
    if top and not _hat(shares, lab, top):
        low = max(top, int(brows))
        shares[Area.HAIR, :low] += shares[Area.COVER, :low]
        shares[Area.COVER, :low] = 0
    if _bare_eyes(shares, lab):
        shares[Area.SKIN] += shares[Area.GLASSES]
        shares[Area.GLASSES] = 0
    return shares


def _hat(shares: NDArray, lab: NDArray, top: int) -> bool:
    """Whether something is worn on the head: most of what is above the forehead, and of another colour than hair."""
    cover, hair = (shares[part, :top] for part in (Area.COVER, Area.HAIR))
    both = cover + hair
    if float((cover * both).sum()) < HAT_FROM * float(both.sum()):
        return False
    worn, grown = cover > 0.5, shares[Area.HAIR] > 0.5
    if min(worn.sum(), grown.sum()) < FEW:
        return True
    return bool(np.linalg.norm(lab[:top][worn].mean(axis=0) - lab[grown].mean(axis=0)) > ALIKE)


def _bare_eyes(shares: NDArray, lab: NDArray) -> bool:
    """Whether what was taken for lenses has the colour of skin."""
    found = (shares[Area.GLASSES] > 0.5).astype(np.uint8)
    lenses, skin = cv2.erode(found, SOLID) > 0, shares[Area.SKIN] > 0.8
    if cv2.dilate(lenses.astype(np.uint8), SOLID).sum() < SOLID_SHARE * max(int(found.sum()), 1) or skin.sum() < FEW:
        return False
    return bool(np.linalg.norm(lab[lenses].mean(axis=0) - lab[skin].mean(axis=0)) < SKINNY)
