"""Motion without jitter that keeps what is quick: lines through time that bend freely where the motion does.

Each value is smoothed by minimising sum w (x - z)^2 + reach^4 sum u (second derivative of x)^2 (Whittaker 1923), with
weights u that fall where the raw values bend more than their own noise does (Geman and McClure 1987). The noise of each
value is measured on the clip itself. So a head at rest stands still, and a blink of two frames or lips that close keep
their peak and their moment: nothing lags, for the past and the future count alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import HeadMotion

REACH = 2.6  # seconds of the filter's reach per second of `VideoOptions.smoothing`
BENDS = 3.0  # times the noise's own bend, from which on a bend is motion
GAP = 4.0  # usual steps between frames from which on a gap parts the motion
# Most that a value's noise is taken to be: quick motion must not pass for noise.
NOISE_WEIGHT, NOISE_TURN, NOISE_PLACE, NOISE_DEPTH = 0.03, np.radians(0.7), 0.003, 0.02
NOISE_OPENING = 0.006  # height over width of an eye
LEAST_NOISE = 1e-4  # of a value's own most


class Smoother(Protocol):
    """Raw motion to smooth motion: the seam for a learned one."""

    def __call__(self, motion: HeadMotion, shots: NDArray, /) -> HeadMotion:
        """The motion smoothed; shots (N,) int, across whose borders nothing is."""
        ...


def smoothed(times: NDArray, values: NDArray, reach: float, most: NDArray, trust: NDArray | None = None) -> NDArray:
    """Values in time, smoothed; zero-phase.

    Args:
        times: (N,) seconds, rising, evenly or not.
        values: (N, C) of any unit.
        reach: seconds; 0 changes nothing.
        most: (C,) the largest standard deviation that counts as noise, in the values' units.
        trust: (N,) not negative, or None: how far each frame is believed beside the others.

    Returns:
        (N, C).
    """
    values = np.asarray(values, float)
    if reach <= 0 or len(times) < 3:
        return values.copy()
    step = float(np.median(np.diff(times)))
    rows = _second_differences(times / step)
    noise = np.minimum(1.4826 * np.median(np.abs(_applied(rows, values)), axis=0) / np.sqrt(6), most)
    noise = np.maximum(noise, LEAST_NOISE * most)
    weight = np.ones(len(times)) if trust is None else np.maximum(np.asarray(trust, float), 1e-3)
    strength = (reach / step) ** 4
    found = np.empty_like(values)
    for k in range(values.shape[1]):
        found[:, k] = _channel(rows, values[:, k], weight, strength, float(noise[k]))
    return found


def _channel(rows: NDArray, values: NDArray, weight: NDArray, strength: float, noise: float) -> NDArray:
    from scipy.linalg import solveh_banded
    from scipy.ndimage import minimum_filter1d

    bend = np.abs(rows[0] * values[:-2] + rows[1] * values[1:-1] + rows[2] * values[2:])
    free = 1 / (1 + (bend / (BENDS * np.sqrt(6) * noise)) ** 2) ** 2
    # On the way into a peak the raw values may be straight; they must not be tied to what lies beyond it.
    free = minimum_filter1d(free, 3)
    return np.asarray(solveh_banded(_banded(rows, strength * free, weight), weight * values, lower=True))


def _second_differences(times: NDArray) -> NDArray:
    """(3, N - 2) weights on the values before, at and after: 1, -2, 1 where steps are even."""
    before, after = np.diff(times)[:-1], np.diff(times)[1:]
    whole = before + after
    return np.stack([2 / (before * whole), -2 / (before * after), 2 / (after * whole)])


def _applied(rows: NDArray, values: NDArray) -> NDArray:
    """(N - 2, C) second derivatives."""
    a, b, c = rows[:, :, None]
    return a * values[:-2] + b * values[1:-1] + c * values[2:]


def _banded(rows: NDArray, free: NDArray, weight: NDArray) -> NDArray:
    """(3, N) lower bands of diag(weight) + D' diag(free) D."""
    a, b, c = rows
    bands = np.zeros((3, len(weight)))
    bands[0] = weight
    bands[0, :-2] += free * a * a
    bands[0, 1:-1] += free * b * b
    bands[0, 2:] += free * c * c
    bands[1, :-2] += free * a * b
    bands[1, 1:-1] += free * b * c
    bands[2, :-2] += free * a * c
    return bands


def tuned(seconds: float) -> Smoother:
    """The smoother of `VideoOptions.smoothing` seconds; with 0 nothing is smoothed."""

    def smooth(motion: HeadMotion, shots: NDArray) -> HeadMotion:
        parts = [_smoothed_part(motion, piece, REACH * seconds) for piece in pieces(motion.times, shots)]
        joined = [np.concatenate(column) for column in zip(*parts)]
        turns = joined[0] / np.linalg.norm(joined[0], axis=1, keepdims=True)
        _, translation, expression, gaze, opening = joined
        return replace(
            motion, rotations=turns, translation=translation, expression=expression, gaze=gaze, opening=opening
        )

    return smooth


def _smoothed_part(motion: HeadMotion, piece: slice, reach: float) -> tuple[NDArray, ...]:
    """Rotations, translation, expression, gaze and openings of one piece."""
    times, trust = motion.times[piece], motion.trust[piece] / max(float(motion.trust[piece].max()), 1e-6)
    turns = smoothed(times, motion.rotations[piece], reach, np.full(4, NOISE_TURN / 2), trust)
    place = motion.translation[piece]
    seen = np.column_stack([place[:, :2] / -place[:, 2:], np.log(-place[:, 2])])
    limits = np.array([NOISE_PLACE, NOISE_PLACE, NOISE_DEPTH])
    seen = smoothed(times, seen, reach, limits, trust)
    depth = np.exp(seen[:, 2:])
    placed = np.concatenate([seen[:, :2] * depth, -depth], axis=1)
    weights = motion.expression[piece]
    expression = np.clip(smoothed(times, weights, reach, np.full(weights.shape[1], NOISE_WEIGHT), trust), 0, 1)
    flat = motion.gaze[piece].reshape(len(times), 4)
    gaze = smoothed(times, flat, reach, np.full(4, 2 * NOISE_TURN), trust).reshape(-1, 2, 2)
    opening = motion.opening[piece]
    seen_eyes = np.isfinite(opening)
    filled = np.where(seen_eyes, opening, np.nanmedian(opening) if seen_eyes.any() else 0.3)
    lids = smoothed(times, filled, reach, np.full(2, NOISE_OPENING))
    return turns, placed, expression, gaze, np.where(seen_eyes, lids, np.nan)


def pieces(times: NDArray, shots: NDArray) -> Sequence[slice]:
    """The parts of a track over which motion is one: between cuts and between gaps."""
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 1.0
    borders = np.flatnonzero((np.diff(shots) != 0) | (steps > GAP * usual)) + 1
    edges = [0, *borders.tolist(), len(times)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
