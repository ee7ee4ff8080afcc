"""Wrinkles that move, learned from frames of a clip in which one face does this and that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.morphable.model import SIDES
from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.evidence import Evidence, evidence_of
from maquette.texturing.detail.heights import SEEN, Folds, fold_heights, mirrored, whole_of
from maquette.texturing.detail.wrinkles import LARGEST_M, NOTHING_M, half, smaller
from maquette.texturing.head.bake import bake
from maquette.texturing.images import smoothstep

LEAST = 0.2  # weight from which on a mover folds the skin
EDGE = 0.7, 1.15  # radii of a place between which it ends
RIDGE, RIDGE_STILL = 0.05, 0.02  # squared weights of a mover's and of the lasting folds that are nothing, in its place
ACTIVE = 0.15, 0.35  # weights of a photo's strongest mover between which it stops to show what lasts
# Root mean square of the lasting heights within ROUGH_WIDE_M, metres, between which nothing moves: a beard's hairs read
# as deep folds that come and go. Of three drawn people the bearded one's error fell from 23 to 3 times his true folds.
ROUGH_M, ROUGH_WIDE_M = (4e-5, 8e-5), 0.006
FLAT_M = 4e-6  # where no frame shows more, nothing is solved
COARSE_M = 0.0014, 0.0019  # that a pixel of the frame shows, between which its folds are not believed any more


@dataclass(frozen=True)
class Mover:
    """Units that fold the skin together, named without their side, and the places that they fold.

    Attributes:
        places: of the mean head, metres: x (on both sides) and y of the middle, half its width and height.
    """

    units: tuple[str, ...]
    places: tuple[tuple[float, float, float, float], ...]


MOVERS = (
    Mover(("browInnerUp", "browOuterUp"), ((0.0, 0.062, 0.058, 0.036),)),
    Mover(("browDown",), ((0.0, 0.030, 0.018, 0.030),)),
    Mover(("noseSneer",), ((0.0, 0.004, 0.020, 0.026), (0.030, -0.035, 0.014, 0.024))),
    Mover(("mouthSmile",), ((0.034, -0.052, 0.022, 0.032), (0.054, -0.012, 0.016, 0.028))),
    Mover(("eyeSquint", "cheekSquint"), ((0.054, -0.006, 0.016, 0.026), (0.034, -0.022, 0.022, 0.016))),
    Mover(("mouthFrown",), ((0.026, -0.076, 0.016, 0.022),)),
    Mover(("mouthPress", "mouthPucker", "mouthShrugLower"), ((0.0, -0.058, 0.026, 0.014), (0.0, -0.090, 0.026, 0.016))),
)


@dataclass(frozen=True, eq=False)
class Moment:
    """What one frame shows in which the face does something.

    Attributes:
        time: seconds. expression: (E,) weights.
        height: (h, w) float32 metres, on the grid of a DetailChart: its folds. weight: (h, w) 0-1: skin that is seen.
    """

    time: float
    expression: NDArray
    height: NDArray
    weight: NDArray


@dataclass(frozen=True, eq=False)
class Moments:
    """What a clip shows beside the photos of a head.

    Attributes:
        photos: (N, E) weights that the clip's motion has in the photos.
        frames: further frames.
    """

    photos: NDArray
    frames: tuple[Moment, ...]


def moment_of(observation: Observation, camera: Camera, vertices: NDArray, expression: NDArray, model: str) -> Moment:
    """What one frame shows.

    Args:
        observation: the face as a photo shows it. camera: for its crop's pixels.
        vertices: (V, 3) metres, the head as it is in it. expression: (E,) weights.
        model: its name.
    """
    chart = detail_chart(model)
    seen = evidence_of(bake(observation, camera, vertices, chart.layers), camera, vertices, chart)
    height = fold_heights(seen, chart)[0] * np.float32(resolved(seen, observation))
    return Moment(observation.frame.time or 0.0, expression, height, seen.weight)


def believed(folds: Folds, observations: Sequence[Observation]) -> Folds:
    """The folds, those of each photo only as far as its pixels are fine enough to show any."""
    pairs = zip(folds.heights, folds.photos, observations)
    heights = tuple(height * np.float32(resolved(seen, face)) for height, seen, face in pairs)
    return replace(folds, heights=heights)


def moving_folds(folds: Folds, moments: Moments, names: Sequence[str]) -> tuple[Folds, dict[str, NDArray]]:
    """The folds that last, and those that come with the units, by what all frames of a clip show.

    In frame k the heights are s + sum of w_kj d_j, where w_kj is the mean weight of mover j on this side of the face:
    ridge regression in each texel, stiffer outside the mover's places. A mover that no frame shows has nothing.

    Args:
        folds: of the photos, see `believed`.
        names: (E,) of the units.

    Returns:
        The folds with the heights that last; unit -> (S / 2, S / 2) float32 metres at weight 1, in the texture's
        layout.
    """
    chart = folds.chart
    heights = [*folds.heights, *(moment.height for moment in moments.frames)]
    weights = [*(seen.weight for seen in folds.photos), *(moment.weight for moment in moments.frames)]
    expression = np.concatenate([moments.photos, *(moment.expression[None] for moment in moments.frames)])
    shares = smoothstep(np.stack(weights), *SEEN).astype(np.float32)
    shares[: len(folds.photos)] *= stillness(moments.photos, names)[:, None, None]
    still = np.zeros(chart.free.shape, np.float32)
    moving: dict[str, NDArray] = {}
    for side in SIDES:
        lasting, made = _solved(np.stack(heights), shares, expression, side, names, chart)
        still += lasting
        for mover, height in made.items():
            own = units_of(mover, side, names)
            height = np.clip(height * even_skin(lasting, chart), -LARGEST_M, LARGEST_M)
            for unit in own if np.abs(height).max() > NOTHING_M else []:
                moving[unit] = moving.get(unit, 0) + height / len(own)
    still = still * folds.sure + (1 - folds.sure) * mirrored(folds.sure, chart) * mirrored(still, chart)
    maps = {unit: smaller(whole_of(height, chart)) for unit, height in moving.items()}
    return replace(folds, height=still.astype(np.float32)), maps


def even_skin(lasting: NDArray, chart: DetailChart) -> NDArray:
    """(h, w) float32 0-1: where its lasting heights (h, w) leave skin smooth enough for folds that move."""
    rough = np.sqrt(np.maximum(chart.smooth(lasting.astype(np.float32) ** 2, ROUGH_WIDE_M), 0))
    return (1 - smoothstep(rough, *ROUGH_M)).astype(np.float32)


def stillness(expression: NDArray, names: Sequence[str]) -> NDArray:
    """(N,) float32 0-1: how far photos count beside the moments, by their expressions (N, E).

    A photo is fitted by itself: where it smiles, its folds lie beside those of the clip's motion. If all do, all count.
    """
    strongest = np.max([strength(expression, mover, names) for mover in MOVERS], axis=0)
    still = (1 - smoothstep(strongest, *ACTIVE)).astype(np.float32)
    return still if still.max(initial=0) > 0.5 else np.ones_like(still)


def resolved(seen: Evidence, observation: Observation) -> float:
    """0-1: how far the pixels of the frame itself, not of its enlargement, are fine enough to show folds."""
    shown = seen.weight > SEEN[1]
    if not shown.any():
        return 0.0
    enlarged = observation.frame.size[0] / float(observation.box[2] - observation.box[0])
    return float(1 - smoothstep(np.float64(np.median(seen.pixel[shown]) * max(enlarged, 1.0)), *COARSE_M))


def _solved(
    heights: NDArray, shares: NDArray, expression: NDArray, side: str, names: Sequence[str], chart: DetailChart
) -> tuple[NDArray, dict[Mover, NDArray]]:
    """(h, w) metres on one side of the face: what lasts, and what comes with each mover at weight 1."""
    movers, weights = [], [np.ones(len(expression))]
    for mover in MOVERS:
        course = side_strength(expression, mover, side, names)
        if course.max(initial=0) >= LEAST:
            movers.append(mover)
            weights.append(course)
    here = half(side, chart)
    at = np.flatnonzero((here > 0) & (np.abs(heights).max(axis=0) > FLAT_M))
    rows = np.stack(weights, axis=1).astype(np.float32)
    share = shares.reshape(len(rows), -1)[:, at]
    squared = np.einsum("ki,kj,kn->nij", rows, rows, share, optimize=True)
    vector = np.einsum("ki,kn->ni", rows, share * heights.reshape(len(rows), -1)[:, at], optimize=True)
    stiff = [np.full(len(at), RIDGE_STILL)]
    stiff += [RIDGE / np.maximum(zone(mover, chart).ravel()[at], 0.01) ** 2 for mover in movers]
    each = np.arange(len(stiff))
    squared[:, each, each] += np.stack(stiff, axis=1)
    found = np.zeros((heights[0].size, len(stiff)), np.float32)
    found[at] = np.linalg.solve(squared, vector[..., None])[..., 0] * here.ravel()[at, None]
    planes = np.moveaxis(found.reshape(*chart.free.shape, -1), 2, 0)
    return planes[0], dict(zip(movers, planes[1:]))


def zone(mover: Mover, chart: DetailChart) -> NDArray:
    """(h, w) float32 0-1: where a mover folds the skin."""
    x, y, z = np.moveaxis(chart.spread(chart.layers.model.mean), 2, 0)
    radii = [np.hypot((np.abs(x) - u) / wide, (y - v) / high) for u, v, wide, high in mover.places]
    return ((1 - smoothstep(np.min(radii, axis=0), *EDGE)) * (z > 0)).astype(np.float32)


def units_of(mover: Mover, side: str, names: Sequence[str]) -> list[str]:
    """The mover's units of one side and of both."""
    return [name for unit in mover.units for name in (unit, f"{unit}{side}") if name in names]


def side_strength(expression: NDArray, mover: Mover, side: str, names: Sequence[str]) -> NDArray:
    """(N,) mean weight of a mover's units on one side in expressions (N, E)."""
    places = [list(names).index(unit) for unit in units_of(mover, side, names)]
    return np.asarray(expression[:, places].mean(axis=1)) if places else np.zeros(len(expression))


def strength(expression: NDArray, mover: Mover, names: Sequence[str]) -> NDArray:
    """(N,) the same of the side that moves more."""
    return np.asarray(np.max([side_strength(expression, mover, side, names) for side in SIDES], axis=0))
