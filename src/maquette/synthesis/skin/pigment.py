"""Skin tones and what colours skin: melanin and blood as optical densities over a base tone.

Colour of skin in log space is close to linear in melanin and haemoglobin (Tsumura et al. 1999, "Independent component
analysis of skin color image"): albedo = tone * exp(-(melanin * MELANIN + blood * HAEMOGLOBIN)), per channel.
The tones are the Monk Skin Tone scale (Monk 2019, skintone.google); its swatches show skin as exposed photographs do,
so the light ones are darkened to reflectances that skin has (about 0.5 at most, Xiao et al. 2017).
"""

from __future__ import annotations

from functools import lru_cache
from math import erf

import numpy as np
from numpy.typing import NDArray

from maquette.imaging.srgb import linear
from maquette.synthesis.types import Identity

MONK_SRGB = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
# Reflectance of skin against the swatch, red, green, blue: living skin is redder than the light swatches.
SWATCH_TO_SKIN = np.array([
    (0.77, 0.59, 0.515), (0.76, 0.585, 0.51), (0.73, 0.55, 0.54), (0.78, 0.59, 0.575), (0.80, 0.66, 0.69),
    (1.03, 0.92, 1.05), (1.00, 0.95, 1.05), (1.02, 0.98, 1.0), (1.45, 1.08, 1.02), (1.90, 1.42, 1.28),
])  # fmt: skip
MELANIN = np.array([0.41, 0.62, 1.0], np.float32)  # eumelanin falls off as wavelength^-3.3 (Jacques 1998)
HAEMOGLOBIN = np.array([0.10, 1.0, 0.80], np.float32)  # band means of oxyhaemoglobin (Prahl 1999), green = 1
TONE_BY_ANCESTRY = np.array([1.05, -0.1, -0.75])  # african, asian, caucasian: shift of the tone's score
TONE_SPREAD = 0.62
SCORE_MEAN, SCORE_SPREAD = 0.065, 0.79  # over the population, measured: makes tones uniform

HAIR = {  # linear RGB
    "black": (0.010, 0.008, 0.007), "dark": (0.026, 0.016, 0.010), "brown": (0.066, 0.037, 0.020),
    "light": (0.15, 0.090, 0.048), "blond": (0.34, 0.23, 0.115), "red": (0.20, 0.062, 0.018),
}  # fmt: skip
HAIR_SHARES = {  # of black, dark, brown, light, blond, red: rough world shares
    "african": (0.72, 0.24, 0.04, 0, 0, 0), "asian": (0.66, 0.26, 0.08, 0, 0, 0),
    "caucasian": (0.10, 0.26, 0.28, 0.17, 0.14, 0.05),
}  # fmt: skip
GREY = (0.36, 0.345, 0.33)


def tone_colour(tone: float) -> NDArray:
    """(3,) linear RGB reflectance of skin at 1-10 on the Monk scale; between the steps too."""
    colours = _log_tones()
    return np.exp([np.interp(tone, np.arange(1, 11), colours[:, k]) for k in range(3)])


@lru_cache(maxsize=1)
def _log_tones() -> NDArray:
    """(10, 3) logarithms of the tones' reflectances."""
    swatches = np.array([[int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)] for code in MONK_SRGB])
    return np.log(linear(swatches) * SWATCH_TO_SKIN)


def draw_tone(identity: Identity, rng: np.random.Generator, monk: int | None = None) -> float:
    """0.5-10.5: a tone on the Monk scale, near `monk` or drawn: uniform over people, drawn towards their ancestry."""
    score = float(TONE_BY_ANCESTRY @ identity.ancestry) + TONE_SPREAD * rng.standard_normal()
    within = rng.uniform(-0.4, 0.4)
    if monk is not None:
        return float(np.clip(monk + within, 1, 10))
    return 0.5 + 10 * 0.5 * (1 + erf((score - SCORE_MEAN) / (SCORE_SPREAD * np.sqrt(2))))


def draw_hair_colour(identity: Identity, tone: float, rng: np.random.Generator) -> NDArray:
    """(3,) linear RGB of hair, by ancestry and tone, greying with age."""
    shares = sum(w * np.array(HAIR_SHARES[name]) for w, name in zip(identity.ancestry, HAIR_SHARES, strict=True))
    shares = shares * np.exp(-np.array([0, 0, 0.15, 0.45, 0.7, 0.6]) * max(tone - 3.5, 0))
    first, second = rng.choice(len(HAIR), 2, p=shares / shares.sum())
    colours = np.log(np.array(list(HAIR.values())))
    blend = rng.uniform(0, 0.45) if abs(int(first) - int(second)) == 1 else 0.0
    colour = np.exp(colours[first] + blend * (colours[second] - colours[first]) + 0.12 * rng.standard_normal())
    dyed = rng.random() < 0.35 * (1 - identity.gender)
    grey = 0.0 if dyed else float(np.clip((identity.age - rng.normal(54, 9)) / 28, 0, 1))
    return np.clip(colour + grey * (np.array(GREY) * rng.uniform(0.6, 1.5) - colour), 0.006, 0.7).astype(np.float32)
