"""Folds laid where the photo has them: the heights near a guess whose slopes shade the skin as the photo shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.texturing.detail.chart import DetailChart
from maquette.texturing.detail.evidence import Evidence

GUESS_PULL, FLAT_PULL = 0.05, 0.02  # per mm^2 of the distance to the guess, and of the slope, against the shading
ROUNDS = 25
WIDEST_M = 0.005  # standard deviation above which heights are shape, no folds
MM = 1000.0


def refolded(guess: NDArray, shown: NDArray, seen: Evidence, chart: DetailChart) -> NDArray:
    """(h, w) float32 metres: least squares in the shading, by conjugate gradients with the diagonal before them.

    Args:
        guess: (h, w) metres. shown: (h, w) the part of the log luminance that is believed to be shading of folds.
    """
    down, right = (side / MM for side in (1 / chart.length[..., 0], 1 / chart.length[..., 1]))
    a, b = seen.response[..., 0], seen.response[..., 1]

    def slopes(height: NDArray) -> tuple[NDArray, NDArray]:
        along, across = np.zeros_like(height), np.zeros_like(height)
        along[:-1], across[:, :-1] = height[1:] - height[:-1], height[:, 1:] - height[:, :-1]
        return along * down, across * right

    def back(along: NDArray, across: NDArray) -> NDArray:
        along, across = along * down, across * right
        along[-1], across[:, -1] = 0, 0
        total = -along - across
        total[1:] += along[:-1]
        total[:, 1:] += across[:, :-1]
        return total

    def applied(height: NDArray) -> NDArray:
        along, across = slopes(height)
        shade = a * along + b * across
        return back(a * shade + FLAT_PULL * along, b * shade + FLAT_PULL * across) + GUESS_PULL * height

    height = guess * np.float32(MM)
    rest = back(a * shown, b * shown) + GUESS_PULL * height - applied(height)
    scale = 1 / (2 * ((a * a + FLAT_PULL) * down**2 + (b * b + FLAT_PULL) * right**2) + GUESS_PULL)
    step = scaled = rest * scale
    energy = float((rest * scaled).sum())
    for _ in range(ROUNDS):
        if energy < 1e-12:
            break
        turned = applied(step)
        length = energy / float((step * turned).sum())
        height, rest = height + length * step, rest - length * turned
        scaled = rest * scale
        before, energy = energy, float((rest * scaled).sum())
        step = scaled + energy / before * step
    height = (height / MM).astype(np.float32)
    return (height - chart.smooth(height, WIDEST_M)).astype(np.float32)
