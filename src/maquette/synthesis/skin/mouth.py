"""Teeth, gums and tongue of people who do not exist."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.skin.guides import SkinGuide, reach_of
from maquette.synthesis.types import Identity
from maquette.texturing.head.mouth import light_and_gum, painted_tongue

TOOTH = np.array([0.80, 0.67, 0.53])  # linear RGB, about VITA A2
GUM = np.array([0.36, 0.115, 0.10])
TONGUE = np.array([0.36, 0.13, 0.115])
DIM = np.array([0.85, 1.05, 1.1], np.float32)  # what light reaches the back has been on red flesh before


@lru_cache(maxsize=2)
def _teeth(guide: SkinGuide) -> tuple[NDArray, NDArray]:
    """(h, w, 3) and (h, w, 1) float32: light on the teeth, 0-1, and how much of a texel is gum."""
    light, gum = light_and_gum(guide.charts["teeth"])
    return (light[..., None] ** DIM).astype(np.float32), gum[..., None].astype(np.float32)


@lru_cache(maxsize=2)
def _tongue(guide: SkinGuide) -> NDArray:
    """(h, w, 3) float32 linear RGB."""
    return painted_tongue(guide.charts["tongue"].spread(guide.model.mean), TONGUE).astype(np.float32)


def paint_mouth(guide: SkinGuide, albedo: NDArray, identity: Identity, tone: float, rng: np.random.Generator) -> None:
    """Paint teeth and tongue into `albedo` (S, S, 3) linear, in place: it is being made by the caller."""
    light, gum = _teeth(guide)
    worn = np.clip(identity.age / 80 + 0.35 * rng.standard_normal(), 0, 1)
    tooth = TOOTH * rng.uniform(0.85, 1.1) * np.array([1, 1 - 0.06 * worn, 1 - 0.25 * worn])
    flesh = GUM * (1 - 0.05 * max(tone - 5, 0)) * rng.uniform(0.8, 1.1)
    _put(guide, "teeth", albedo, (tooth.astype(np.float32) + gum * (flesh - tooth).astype(np.float32)) * light)
    _put(guide, "tongue", albedo, _tongue(guide) * rng.uniform(0.8, 1.15))


def _put(guide: SkinGuide, part: str, albedo: NDArray, colour: NDArray) -> None:
    """Write colours (h, w, 3) of a part with a few texels around it."""
    reach = reach_of(guide, part)
    albedo[guide.charts[part].region][reach] = np.clip(colour[reach], 0.006, 0.9)
