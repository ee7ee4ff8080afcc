"""Several photos of one head to one texture: even out their light, then blend in two bands (Burt and Adelson 1983)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.tones import Tones, lab_of, rgb_of
from maquette.texturing.images import blurred, enlarged
from maquette.texturing.light import SHARPNESS, gains

BAND_SIGMA = 0.012  # of the texture's width: below this detail comes from the best photo, above it all are mixed
STRIP = 256  # rows worked on at a time, so that memory stays flat


def blend(baked: Sequence[Baked]) -> Baked:
    """One texture from several photos; the order of the photos does not matter."""
    if len(baked) == 1:
        return baked[0]
    factors = gains([b.coarse for b in baked], [b.trust for b in baked], [b.bare for b in baked])
    trust = np.stack([b.trust for b in baked])
    low_weight = _shares(trust + 1e-6)
    high_weight = _shares(trust**SHARPNESS + 1e-9)
    coarse = np.stack([b.coarse * f.astype(np.float32) for b, f in zip(baked, factors)])
    sigma = BAND_SIGMA * trust.shape[2]
    low = np.stack([blurred(c, sigma) for c in coarse])
    mixed = ((low_weight - high_weight)[..., None] * low).sum(axis=0)
    colour = np.empty_like(baked[0].colour)
    height, width = colour.shape[:2]
    large = [enlarged(w, (height, width)) for w in high_weight]
    correction = enlarged(mixed, (height, width))
    for row in range(0, height, STRIP):
        rows = slice(row, row + STRIP)
        strip = correction[rows].copy()
        for item, factor, weight in zip(baked, factors.astype(np.float32), large):
            strip += item.colour[rows] * (weight[rows, :, None] * factor)
        colour[rows] = np.clip(np.rint(strip), 0, 255)
    together = (high_weight[..., None] * coarse).sum(axis=0) + mixed
    hair = (low_weight * np.stack([b.hair for b in baked])).sum(axis=0)
    bare = (low_weight * np.stack([b.bare for b in baked])).sum(axis=0)
    return Baked(colour, np.clip(together, 0, 255), trust.max(axis=0), hair, bare, common_tones(baked, factors))


def common_tones(baked: Sequence[Baked], factors: NDArray) -> Tones | None:
    """The median tones of the photos, in the light that they are brought to."""
    found = [(b.tones, f) for b, f in zip(baked, factors) if b.tones is not None]
    if not found:
        return None

    def middle(known: list[tuple[NDArray, NDArray]]) -> NDArray:
        values = [lab_of(np.clip(rgb_of(tone) * f, 0, 255).reshape(1, 1, 3))[0, 0] for tone, f in known]
        return np.median(values, axis=0).astype(np.float32)

    haired = [(tones.hair, f) for tones, f in found if tones.hair is not None]
    hairiness = [tones.hairiness for tones, _ in found if np.isfinite(tones.hairiness)]
    return Tones(
        middle([(tones.skin, f) for tones, f in found]),
        np.median([tones.skin_spread for tones, _ in found], axis=0),
        middle(haired) if haired else None,
        np.median([tones.hair_spread for tones, _ in found], axis=0),
        float(np.mean(hairiness or [np.nan])),
    )


def _shares(weights: NDArray) -> NDArray:
    return (weights / weights.sum(axis=0)).astype(np.float32)
