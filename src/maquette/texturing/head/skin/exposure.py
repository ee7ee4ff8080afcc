"""Burnt skin brought back: as bright as skin can be, and where the film was at its end in the colour that skin has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.delight import FEWEST, coded, linear, relit
from maquette.texturing.head.layers import Layers
from maquette.texturing.head.tones import Tones, lab_of, rgb_of
from maquette.texturing.images import smoothstep
from maquette.texturing.surface_fill import DEFAULT_SKIN

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB
BRIGHTEST = 0.42  # median luminance of a face: fair skin reflects no more
BURNT = (0.5, 0.9)  # median luminance from which the photo has lost skin's colour, and all of it
GREY, MOST = 15.0, 90  # 8-bit levels between channels, percentile: photos that have less are grey
SEEN = 0.5  # trust, likewise share of bare skin


def exposed(seen: Baked, layers: Layers) -> Baked:
    """One photo brought to the texture, its light taken out, whose skin is no brighter than skin is."""
    skin = seen.trust * layers.zones["plain"] * seen.bare > SEEN
    if skin.sum() < FEWEST:
        return seen
    median = np.median(linear(seen.coarse[skin]), axis=0)
    spread = float(np.percentile(np.ptp(seen.coarse[seen.trust > SEEN], axis=1), MOST))
    factor = exposure(median, grey=spread < GREY).astype(np.float32)
    if np.allclose(factor, 1):
        return seen
    changed = relit(seen, np.broadcast_to(factor, seen.coarse.shape))
    return replace(changed, tones=None if seen.tones is None else relit_tones(seen.tones, factor))


def exposure(median: NDArray, grey: bool) -> NDArray:
    """(3,) factors of the linear channels of a photo whose skin has the median (3,), linear; grey photos stay grey."""
    luminance = float(median @ LUMINANCE)
    factor = np.full(3, min(1.0, BRIGHTEST / max(luminance, 1e-6)))
    if grey:
        return factor
    usual = linear(DEFAULT_SKIN)
    tint = usual / (usual @ LUMINANCE) * luminance / np.maximum(median, 1e-3)
    found: NDArray = factor * tint ** float(smoothstep(luminance, *BURNT))
    return found


def relit_tones(tones: Tones, factor: NDArray) -> Tones:
    """The tones with their linear colours times a factor (3,)."""
    hair = None if tones.hair is None else _relit(tones.hair, factor)
    return replace(tones, skin=_relit(tones.skin, factor), hair=hair)


def _relit(lab: NDArray, factor: NDArray) -> NDArray:
    found: NDArray = lab_of(coded(linear(rgb_of(lab)) * factor).reshape(1, 1, 3))[0, 0]
    return found
