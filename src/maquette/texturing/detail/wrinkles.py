"""Wrinkles that come and go with the expression: what each unit folds, as far as photos show it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.morphable.model import SIDES
from maquette.morphable.refined.dense import WRINKLES
from maquette.texturing.detail.chart import DetailChart
from maquette.texturing.detail.heights import SEEN, Folds, mirrored, whole_of
from maquette.texturing.head.layers import Layers
from maquette.texturing.head.skin.folds import PLACES, fold_zones, folding
from maquette.texturing.images import smoothstep

ERROR = "displacement_error"  # a reconstruction's parameter: (S / 2, S / 2) metres, nan where no photo shows the skin
LEAST = 0.15  # weight of the units of a place from which a photo shows what they fold
RIDGE = 0.05  # of the squared weight: what is shown at small weights is not blown up
LARGEST_M = 0.0008  # at weight 1
IN_PLACE = 0.02  # of a place's zone
NOTHING_M = 2e-5  # what no unit moves more is left out


def wrinkles_of(
    folds: Folds, observations: Sequence[Observation], expression: NDArray, names: Sequence[str], layers: Layers
) -> dict[str, NDArray]:
    """Heights at weight 1 of the units that photos show folding the skin, metres outwards.

    In each place the folds of all its units are alike, so photo k shows m_k t, where m_k is their mean weight and t
    what is looked for: least squares over the photos. What no photo shows is the other side's, or nothing.

    Args:
        expression: (N, E) weights in the photos, names: E of them.

    Returns:
        unit -> (S / 2, S / 2) float32, in the texture's layout.
    """
    chart = folds.chart
    found: dict[str, NDArray] = {}
    shares = [chart.cut(chart.sized(folding(observation, layers))) for observation in observations]
    for zone, (_, units) in zip(fold_zones(layers), PLACES):
        for side in SIDES:
            own = [unit for unit in units if side_of(unit) in (side, "") and unit in names]
            weights = expression[:, [list(names).index(unit) for unit in own]].mean(axis=1)
            if weights.max() < LEAST:
                continue
            height = shown(folds, shares, weights) * (chart.cut(chart.sized(zone)) > IN_PLACE) * half(side, chart)
            height = np.clip(height, -LARGEST_M, LARGEST_M).astype(np.float32)
            for unit in own:
                found[unit] = found.get(unit, 0) + height / len(own)
    return {unit: smaller(whole_of(height, chart)) for unit, height in found.items() if np.ptp(height) > NOTHING_M}


def shown(folds: Folds, shares: Sequence[NDArray], weights: NDArray) -> NDArray:
    """(h, w) metres at weight 1: the expression's share (h, w) of what each photo shows, at its weight (N,)."""
    total, squared = np.zeros(folds.height.shape), np.full(folds.height.shape, 1e-6)
    for height, share, seen, weight in zip(folds.heights, shares, folds.photos, weights):
        if weight >= LEAST:
            sharp = smoothstep(seen.weight, *SEEN)
            total += sharp * weight * share * height
            squared += sharp * (weight**2 + RIDGE * weight)
    made = (total / squared).astype(np.float32)
    sure = (squared > 1e-3).astype(np.float32)
    return np.asarray(made * sure + (1 - sure) * mirrored(made * sure, folds.chart))


def side_of(unit: str) -> str:
    """Left, Right, or nothing of a unit's name."""
    return next((side for side in SIDES if unit.endswith(side)), "")


def half(side: str, chart: DetailChart) -> NDArray:
    """(h, w) float32 0-1: the subject's side of the face, softly; both add up to one."""
    across = chart.zones[4]
    return smoothstep(across if side == "Left" else -across, -0.06, 0.06).astype(np.float32)


def smaller(values: NDArray) -> NDArray:
    """(S / 2, S / 2)"""
    return np.asarray(cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def as_parameters(folds: Folds, wrinkles: dict[str, NDArray]) -> dict[str, NDArray]:
    """How a reconstruction carries them, see `maquette.morphable.refined.dense`, and the folds' error, metres."""
    seen = folds.sure > 0
    error = smaller(whole_of(np.where(seen, folds.error, 0), folds.chart)).astype(np.float16)
    found = {ERROR: np.where(smaller(whole_of(seen.astype(np.float32), folds.chart)) > 0.99, error, np.float16(np.nan))}
    if not wrinkles:
        return found
    maps = np.stack(list(wrinkles.values())).astype(np.float16)
    return {**found, WRINKLES: maps, f"{WRINKLES}_units": np.array(list(wrinkles))}
