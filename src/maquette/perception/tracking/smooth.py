"""Crop rectangles of one person, smoothed in time.

Each value is a local line (Gaussian weights, Fan and Gijbels 1996, 3.2): it neither lags nor shrinks at the ends, also
where frames are unevenly spaced.

Convention:
    A rect is (x, y, w, h) in pixels of the full frame, float64; it is smoothed as centre and log of its sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECT_WIDTH = 0.15  # seconds: 3 pixels of noise become 0.8 at 30 frames per second
WIDER = (2, 4, 8, 16)  # times that, tried in turn on those who hardly move
AGREEING = 5.0  # standard deviations of the narrow smoothing that a wider one may differ from it
REACH = 4.0  # widths beyond which the Gaussian is nothing
OUTLIER = 4.0  # robust standard deviations beyond which a value counts less
BANDWIDTH_CELLS = 4_000_000  # floats in one block of weights


def smooth(
    times: NDArray, values: NDArray, width: float, weights: NDArray | None = None, at: NDArray | None = None
) -> NDArray:
    """Local lines through values in time, evaluated at each of their times or at others.

    Args:
        times: (N,) seconds, ascending.
        values: (N, ...) of any unit.
        width: standard deviation of the Gaussian, seconds; 0 changes nothing.
        weights: (N,) or of the values' first axes, not negative: how far each is trusted.
        at: (M,) seconds, None for `times`.

    Returns:
        (M, ...) float64. Where nothing is within reach, the nearest values are joined by lines.
    """
    times, values = np.asarray(times, float), np.asarray(values, float)
    at = times if at is None else np.asarray(at, float)
    flat = values.reshape(len(values), -1)
    trust = np.ones_like(flat) if weights is None else _spread(np.asarray(weights, float), values)
    joined = np.stack([_joined(at, times, flat[:, k], trust[:, k]) for k in range(flat.shape[1])], axis=1)
    if width <= 0 or len(times) < 2:
        return joined.reshape(len(at), *values.shape[1:])
    result = np.empty_like(joined)
    rows = max(1, BANDWIDTH_CELLS // max(len(times), 1))
    for start in range(0, len(at), rows):
        block = slice(start, start + rows)
        first = np.searchsorted(times, at[block].min() - REACH * width)
        last = np.searchsorted(times, at[block].max() + REACH * width, "right")
        near = slice(first, max(last, first + 1))
        lines = _lines(at[block], times[near], flat[near], trust[near], width)
        result[block] = np.where(np.isfinite(lines), lines, joined[block])
    return result.reshape(len(at), *values.shape[1:])


def _lines(at: NDArray, times: NDArray, values: NDArray, trust: NDArray, width: float) -> NDArray:
    """(M, C) values at `at` of the weighted lines through (n, C) values; NaN where no weight is."""
    apart = times[None] - at[:, None]
    kernel = np.exp(-0.5 * (apart / width) ** 2)
    moments = [(kernel * apart**power) @ trust for power in range(3)]
    sums = [(kernel * apart**power) @ (trust * values) for power in range(2)]
    even = np.where(moments[0] > 1e-6, moments[0], np.nan)
    spread = moments[0] * moments[2] - moments[1] ** 2
    # Under a twentieth of a width of spread there is no slope to be had: the mean.
    sloped = spread > (0.05 * width * moments[0]) ** 2
    line = (moments[2] * sums[0] - moments[1] * sums[1]) / np.where(sloped, spread, 1.0)
    return np.where(sloped & np.isfinite(even), line, sums[0] / even)


def _joined(at: NDArray, times: NDArray, values: NDArray, trust: NDArray) -> NDArray:
    """(M,) straight lines between the values that are trusted at all."""
    used = trust > 0
    return np.interp(at, times[used], values[used]) if used.any() else np.interp(at, times, values)


def _spread(weights: NDArray, values: NDArray) -> NDArray:
    """(N, C) weights for the flattened values."""
    shaped = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
    return np.broadcast_to(shaped, values.shape).reshape(len(values), -1)


def smooth_rects(
    times: NDArray,
    rects: NDArray,
    width: float = RECT_WIDTH,
    confidence: NDArray | None = None,
    at: NDArray | None = None,
) -> NDArray:
    """Rects of one track, all made by one crop rule, smoothed on centre and log size without lag.

    Rects far off their neighbours' line count less in a second pass. Somebody who hardly moves is smoothed more.

    Args:
        times: (N,) seconds, ascending; frames may be missing.
        rects: (N, 4) x, y, w, h in pixels of the full frame.
        width: seconds.
        confidence: (N,) 0-1 or None.
        at: (M,) seconds at which rects are wanted, None for `times`.

    Returns:
        (M, 4) float64; square rects stay square.
    """
    states, trust = _states(rects), np.ones(len(rects)) if confidence is None else np.asarray(confidence, float)
    residual = states - _smooth_states(times, states, width, trust)
    residual[:, :2] /= np.exp(states[:, 2:])
    off = np.abs(residual).max(axis=1)
    limit = OUTLIER * max(1.4826 * float(np.median(off)), 1e-9)
    trust = trust * np.minimum(1.0, (limit / np.maximum(off, 1e-12)) ** 2)
    return _rects(_smooth_states(times, states, width, trust, at))


def _smooth_states(times: NDArray, states: NDArray, width: float, trust: NDArray, at: NDArray | None = None) -> NDArray:
    """(M, 4) states, centre and size each at the widest width that still says the same."""
    parts = [states[:, :2], states[:, 2:]]
    widths = [_widest(times, part, width, trust) for part in parts]
    return np.concatenate([smooth(times, part, w, trust, at) for part, w in zip(parts, widths)], axis=1)


def _widest(times: NDArray, values: NDArray, width: float, trust: NDArray) -> float:
    """The largest width whose result differs from the narrowest one's by no more than noise (Lepski 1991).

    One width for the whole track: changing it on the way would be seen.
    """
    if width <= 0 or len(times) < 8:
        return width
    step = float(np.median(np.diff(times)))
    noise = 1.4826 * np.median(np.abs(values[2:] - 2 * values[1:-1] + values[:-2]), axis=0) / np.sqrt(6)
    # A Gaussian of that width leaves this share of white noise.
    allowed = AGREEING * noise * min(1.0, np.sqrt(step / (2 * np.sqrt(np.pi) * width))) + 1e-9
    narrow, chosen = smooth(times, values, width, trust), width
    for factor in WIDER:
        if (np.abs(smooth(times, values, factor * width, trust) - narrow) > allowed).any():
            break
        chosen = factor * width
    return chosen


def _states(rects: NDArray) -> NDArray:
    """(..., 4) centre and log of width and height."""
    rects = np.asarray(rects, float)
    return np.concatenate([rects[..., :2] + rects[..., 2:] / 2, np.log(np.maximum(rects[..., 2:], 1e-3))], axis=-1)


def _rects(states: NDArray) -> NDArray:
    sides = np.exp(states[..., 2:])
    return np.concatenate([states[..., :2] - sides / 2, sides], axis=-1)
