"""Hats and headscarves: what is worn on a head, by the network that looked for it or by its colour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.hair.grow import HeadSeen
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import blurred, disc, smoothstep

PART = 0.4  # share of what is before the skull, above the eyes, and no bare skin, that is worn
FEW_M2 = 15e-4  # square metres in the picture, of a hat
HAT_M = (0.020, 0.080)  # beside the head's outline, where a hat would be
HAT_SHARE, HAT_STEP = 0.25, 120.0  # of the hair before the head; steps of 8-bit Lab between them
EVEN_M = 0.002  # over which colours are smoothed


def worn_on(head: HeadSeen) -> NDArray | None:
    """(h, w) float32 0-1: the hat or the headscarf; None where the head wears none that hides much of its hair."""
    seen = head.seen
    if seen.worn is not None:
        high = np.isfinite(head.empty.depth) & (seen.above > 0) & (seen.person > 0.5) & (seen.bare < 0.5)
        area = float((seen.worn * high).sum())
        hair = float((seen.hair * (1 - seen.worn) * high).sum())
        if area > max(PART * (area + hair), FEW_M2 * head.rays.metre**2):
            return np.asarray(seen.worn * seen.person, np.float32)
    return _worn_by_colour(head)


def _worn_by_colour(head: HeadSeen) -> NDArray | None:
    """(h, w) float32 0-1: what sticks out above the head in another colour than the hair on it, if that is much."""
    seen, metre = head.seen, head.rays.metre
    covered = np.isfinite(head.empty.depth).astype(np.uint8)
    near, far = (cv2.dilate(covered, disc(reach * metre)) > 0 for reach in HAT_M)
    high = (seen.person > 0.5) & seen.inside & (seen.above > 0.2)
    on, off = high & (covered > 0) & (seen.bare < 0.5) & (seen.hair > 0.5), high & ~near & far
    if on.sum() < 20 or off.sum() < HAT_SHARE * on.sum():
        return None
    lab = lab_of(seen.photo)
    hair, hat = np.median(lab[on], axis=0), np.median(lab[off], axis=0)
    if np.linalg.norm(hair - hat) < HAT_STEP:
        return None
    smooth = blurred(lab, EVEN_M * metre)
    apart = [np.linalg.norm(smooth - of, axis=2) for of in (hair, hat)]
    alike = smoothstep(apart[0] / np.maximum(apart[0] + apart[1], 1e-3), 0.4, 0.6)
    found = alike * (seen.person > 0.5) * (seen.above > 0) * (seen.bare < 0.5)
    # A forehead between curls is in a pale hat's colour, but does not hang together with it.
    _, pieces = cv2.connectedComponents((found > 0.5).astype(np.uint8), connectivity=4)
    return np.asarray(found * np.isin(pieces, np.unique(pieces[off & (pieces > 0)])), np.float32)
