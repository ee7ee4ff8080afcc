"""Colours of a reference on a picture: what any translation must be better than.

Reinhard et al. 2001, "Color Transfer between Images" (IEEE CG&A 21.5): mean and standard deviation of each channel of a
colour space whose channels hardly depend on each other; CIE Lab here.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.method import References, Translator

SIDE = 256  # pixels of a crop


def build(wanted: TranslateOptions, references: References) -> Translator:
    """The method with its references.

    Raises:
        BadInput: there are none, or options that need a network.
    """
    looks = [_lab(reference) for reference in references(SIDE)]
    if not looks:
        raise BadInput("method colors: takes the colours of a photo: name one with --reference")
    if wanted.weights is not None or wanted.steps:
        raise BadInput("method colors: knows no weights and no steps between looks: take starganv2 for these")

    def draw(crop: NDArray) -> NDArray:
        return np.stack([moved(crop, look) for look in looks])

    return Translator(SIDE, "colors", tuple(f"reference {k}" for k in range(1, len(looks) + 1)), draw)


def moved(crop: NDArray, look: NDArray) -> NDArray:
    """The crop, (S, S, 3) uint8, with mean and spread of colours (H, W, 3) float32 in CIE Lab."""
    own = _lab(crop)
    centre, wide = own.mean((0, 1)), own.std((0, 1))
    lab = (own - centre) / np.maximum(wide, 1e-3) * look.std((0, 1)) + look.mean((0, 1))
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.clip(np.rint(255 * rgb), 0, 255).astype(np.uint8)


def _lab(pixels: NDArray) -> NDArray:
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
