"""The iris as a photo shows it: its pattern in rings and turns, without glints, lids and shadow, and a likely hue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.texturing.head.tones import lab_of, rgb_of
from maquette.texturing.images import blurred, image_at, remapped, sixteenths, smoothstep
from maquette.texturing.surface_fill import DEFAULT_SKIN

RINGS, TURNS = 24, 96
SHARP = (20.0, 32.0)  # pixels across an iris: from which on its pattern is worth something, and is all
RIM = 0.08  # of the iris' diameter beside the lids, which is lash and shadow
WHITE = 1.25  # of the usual brightness: a ring that is brighter lies on the white, where an eye looks aside
SHADED = 0.45  # radii above the middle: there lies the upper lid's shadow
GLINT = (1.3, 14.0)  # of a ring's median, and levels beyond it: brighter is a reflection
MIDDLE = (0.42, 0.92)  # radii: of iris, not pupil, not rim
ENOUGH = 0.3  # of the cells of the middle
REDDEST = (2.0, 0.6, 16.0)  # a of Lab at b = 0, its rise with b, its most: irises are brown to blue, none is pink
GREENEST = -9.0
TINT_LIMITS = (0.8, 1.25)
BLUE, UNTINTED = (14.0, 3.0), 0.6  # b of Lab from which on an iris is blue or grey; how much of warm light it loses


@dataclass(frozen=True, eq=False)
class IrisPattern:
    """One iris in one photo.

    Attributes:
        colour: (RINGS, TURNS, 3) float32 8-bit sRGB: rings from the middle to the rim, turns from the subject's left
            (image right) upwards.
        weight: 0-1, how far to believe it.
    """

    colour: NDArray
    weight: float

    def at(self, rho: NDArray, around: NDArray) -> NDArray:
        """(h, w, 3) colours at radii (h, w), 1 at the rim, and angles (h, w) in radians."""
        wrapped = np.concatenate([self.colour, self.colour[:, :1]], axis=1)
        place = np.stack([np.mod(around, 2 * np.pi) / (2 * np.pi) * TURNS, np.clip(rho, 0, 0.98) * RINGS - 0.5], axis=2)
        return remapped(wrapped, place.astype(np.float32), border=cv2.BORDER_REPLICATE)

    @property
    def middle(self) -> NDArray:
        """(3,) usual colour between pupil and rim."""
        low, high = (np.array(MIDDLE) * RINGS).astype(int)
        return np.median(self.colour[low:high].reshape(-1, 3), axis=0)

    def mirrored(self) -> IrisPattern:
        """That of the other eye, where only one is seen."""
        turns = (TURNS // 2 - np.arange(TURNS)) % TURNS
        return IrisPattern(self.colour[:, turns], self.weight)


def iris_pattern(observation: Observation, iris: Sequence[int], outline: Sequence[int], weight: float
                 ) -> IrisPattern | None:  # fmt: skip
    """The pattern of one iris; None where the photo is too coarse or too little of it is seen.

    Args:
        iris: landmarks of its middle and of its rim at four sides. outline: landmarks around the eye's opening.
        weight: of this eye, 0-1.
    """
    points = observation.landmarks[:, :2]
    wide, high = (float(np.linalg.norm(points[iris[k]] - points[iris[k + 2]])) for k in (1, 2))
    diameter = max(wide, high)
    weight *= float(smoothstep(diameter, *SHARP))
    if weight < 0.02:
        return None
    turn = np.arange(TURNS) * 2 * np.pi / TURNS
    rho = (np.arange(RINGS) + 0.5) / RINGS
    right = points[263] - points[33]
    right = right / max(float(np.linalg.norm(right)), 1e-6)
    up = np.array([right[1], -right[0]])
    ring = wide / 2 * np.cos(turn)[:, None] * right + diameter / 2 * np.sin(turn)[:, None] * up
    place = points[iris[0]] + rho[:, None, None] * ring
    photo = observation.frame.pixels
    colour = image_at(photo, place).astype(np.float32)
    opening = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(opening, [sixteenths(points[list(outline)])], (1,), cv2.LINE_8, 4)
    inward = cv2.distanceTransform(opening, cv2.DIST_L2, 3)
    known = image_at(inward, place, border=cv2.BORDER_CONSTANT) > RIM * diameter
    if observation.covered is not None:
        known &= image_at(observation.covered, place) < 0.5
    known &= rho[:, None] * np.sin(turn) < SHADED
    known = without_glints(colour, known)
    low, high_ring = (np.array(MIDDLE) * RINGS).astype(int)
    if known[low:high_ring].mean() < ENOUGH:
        return None
    return IrisPattern(whole(colour, known, rho, turn), weight)


def without_glints(colour: NDArray, known: NDArray) -> NDArray:
    """(RINGS, TURNS) bool: `known` without reflections, what lies beside them, and the white."""
    light = colour.mean(axis=2)
    usual = np.array([np.median(row[seen]) if seen.any() else 255.0 for row, seen in zip(light, known)])
    low, high = (np.array(MIDDLE) * RINGS).astype(int)
    usual = np.minimum(usual, WHITE * np.median(usual[low:high]))
    bright = light > np.maximum(GLINT[0] * usual, usual + GLINT[1])[:, None]
    wide = cv2.dilate(np.tile(bright.astype(np.uint8), (1, 3)), np.ones((3, 5), np.uint8))[:, TURNS : 2 * TURNS] > 0
    return known & ~wide


def whole(colour: NDArray, known: NDArray, rho: NDArray, turn: NDArray) -> NDArray:
    """(RINGS, TURNS, 3) float32: each ring's usual colour, and what the seen part adds, repeated elsewhere."""
    has = known.sum(axis=1) >= TURNS // 12
    usual = np.array([np.median(row[seen], axis=0) if ok else np.zeros(3) for row, seen, ok in zip(colour, known, has)])
    usual = np.stack([np.interp(rho, rho[has], channel[has]) for channel in usual.T], axis=1)
    rest = colour - usual[:, None]
    # Light from one side is no part of the pattern.
    slope = np.stack([rho[:, None] * np.cos(turn), rho[:, None] * np.sin(turn), np.ones_like(known, float)], axis=2)
    rest = rest - slope @ np.linalg.lstsq(slope[known], rest[known], rcond=None)[0]
    share = known.astype(np.float32)
    for turns in ((-np.arange(TURNS)) % TURNS, (TURNS // 2 - np.arange(TURNS)) % TURNS):
        free = (1 - share) * share[:, turns]
        rest = np.where(share[..., None] > 0, rest, rest[:, turns])
        share = share + free
    soft = blurred(np.tile(share, (1, 3)), 1.0)[:, TURNS : 2 * TURNS, None]
    return np.clip(usual[:, None] + np.where(share[..., None] > 0, rest, 0) * soft, 0, 255).astype(np.float32)


def likely_hue(iris: NDArray, skin: NDArray) -> NDArray:
    """(3,) an iris' colour, kept to hues that irises have: one that is a few pixels wide takes those of lids and light.

    Args:
        iris, skin: (3,) 8-bit sRGB, in the same photo; the skin says what the light's colour is.
    """
    light = skin / DEFAULT_SKIN
    tint = np.clip(light / max(float(light.mean()), 1e-6), *TINT_LIMITS)
    lightness, a, b = (float(k) for k in lab_of(np.asarray(iris / tint).reshape(1, 1, 3))[0, 0])
    least, rise, most = REDDEST
    a = float(np.clip(a, GREENEST, np.clip(least + rise * b, 0.0, most)))
    # Beside skin in warm light a grey iris looks blue; viewers' light is white.
    coloured = min(1.0, float(np.ptp(skin) / np.ptp(DEFAULT_SKIN)))
    kept = tint ** (1 - UNTINTED * coloured * float(smoothstep(-b, -BLUE[0], -BLUE[1])))
    found: NDArray = np.clip(rgb_of(np.array([lightness, a, b])) * kept, 0, 255)
    return found
