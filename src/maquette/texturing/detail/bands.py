"""Folds from brightness alone: bands of log luminance whose lines run on are heights, dark ones deep."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.detail.chart import DetailChart
from maquette.texturing.detail.evidence import Evidence
from maquette.texturing.images import smoothstep

BANDS_M = (0.00025, 0.0005, 0.001, 0.002, 0.004)  # standard deviations; a band lies between two
GAINS_M = (0.0010, 0.0016, 0.0019, 0.0016)  # height per unit of log luminance
PIXELS = (0.5, 1.2)  # of the photo, per standard deviation, from which a band is believed
FINE, COARSE = 0.0003, 0.0008  # metres a pixel: up to the one all bands are believed, from the other on the widest
LARGEST_M = 0.0006
BRIGHT_SHARE = 0.5  # of the height of what is brighter than around
COHERENT = (0.25, 0.6)  # of the structure tensor
WINDOW_M = 0.0012  # standard deviation of its window, at least; else so many of the band's:
WINDOW = 2.2
HAIR = 0.75  # of log luminance below the skin around


def bands_relief(seen: Evidence, chart: DetailChart) -> tuple[NDArray, NDArray]:
    """(h, w) float32 metres, outwards; and the (h, w) part of the log luminance that it stands for."""
    weight = seen.weight * smoothstep(seen.fine, -HAIR, -0.6 * HAIR).astype(np.float32)
    smooth = [chart.around(seen.fine, weight, sigma) for sigma in BANDS_M]
    height, shown = np.zeros_like(seen.fine), np.zeros_like(seen.fine)
    sharp = 1 - smoothstep(seen.pixel, FINE, COARSE)
    for upper, lower, sigma, gain in zip(smooth, smooth[1:], BANDS_M, GAINS_M):
        band = upper - lower
        believed = smoothstep(sigma / np.maximum(seen.pixel, 1e-6), *PIXELS)
        if sigma < BANDS_M[-2]:
            believed = believed * sharp
        inner = smoothstep(chart.smooth(weight, 1.5 * sigma), 0.6, 0.95)
        lines = smoothstep(coherence(band, max(WINDOW * sigma, WINDOW_M), chart), *COHERENT)
        gated = believed * lines * inner * weight * band
        shown += gated
        height += gain * np.where(band > 0, BRIGHT_SHARE, 1) * gated
    return np.asarray(LARGEST_M * np.tanh(height / LARGEST_M), np.float32), shown.astype(np.float32)


def coherence(band: NDArray, sigma: float, chart: DetailChart) -> NDArray:
    """(h, w) float32 0-1: how far a band runs in lines, over a window of that standard deviation, metres."""
    down, right = chart.texel
    across, along = cv2.Sobel(band, cv2.CV_32F, 1, 0) / right, cv2.Sobel(band, cv2.CV_32F, 0, 1) / down
    xx, yy, xy = (chart.smooth(product, sigma) for product in (across * across, along * along, across * along))
    return np.asarray(np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(xx + yy, 1e-12))
