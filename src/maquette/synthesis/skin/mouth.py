"""Teeth, gums and tongue of people who do not exist."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.skin.guides import SkinGuide, reach_of
from maquette.synthesis.types import Identity
from maquette.texturing.head.mouth import LOWER_ENDS_M, TOOTH_ENDS_M, arch_length, painted_tongue, to_nearest
from maquette.texturing.images import smoothstep

TOOTH = np.array([0.80, 0.67, 0.53])  # linear RGB, about VITA A2
GUM = np.array([0.36, 0.115, 0.10])
TONGUE = np.array([0.36, 0.13, 0.115])
DIM = np.array([0.85, 1.05, 1.1], np.float32)  # what light reaches the back has been on red flesh before
ROOT_M = 0.009  # what is farther from a tooth's edge is gum


@lru_cache(maxsize=2)
def _teeth(guide: SkinGuide) -> tuple[NDArray, NDArray]:
    """(h, w, 3) and (h, w, 1) float32: light on the teeth, 0-1, and how much of a texel is gum."""
    model, chart = guide.model, guide.charts["teeth"]
    place, teeth = chart.spread(model.mean), model.mean[model.part_vertices("teeth")]
    middle = np.median(teeth[:, 1])
    along, upper = arch_length(place, teeth), place[..., 1] > middle
    apart = np.where(upper, to_nearest(along, TOOTH_ENDS_M), to_nearest(along, LOWER_ENDS_M))
    edge = np.where(upper, place[..., 1] - teeth[teeth[:, 1] > middle, 1].min(),
                    teeth[teeth[:, 1] <= middle, 1].max() - place[..., 1])  # fmt: skip
    gap = 0.14 * np.exp(-((apart / 0.0011) ** 2)) + 0.16 * np.exp(-((apart / 0.00045) ** 2))
    back = 1 - 0.7 * smoothstep(along, 0.010, 0.038)
    gum = smoothstep(edge + 0.0016 * np.exp(-((apart / 0.0016) ** 2)), ROOT_M - 0.0005, ROOT_M + 0.0004)
    light = (1 - gap * (1 - gum)) * back
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
