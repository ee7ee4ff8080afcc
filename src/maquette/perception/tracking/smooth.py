"""Crop rectangles and key points of one person, smoothed in time.

With the whole clip at hand each value is a local line (Gaussian weights, Fan and Gijbels 1996, 3.2): it neither lags
nor shrinks at the ends, also where frames are unevenly spaced. While frames come in, the One-Euro filter (Casiez et al.
2012) does the same from the past alone.

Convention:
    A rect is (x, y, w, h) in pixels of the full frame, float64; it is smoothed as centre and log of its sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RECT_WIDTH = 0.15  # seconds: 3 pixels of noise become 0.8 at 30 frames per second
WIDER = (2, 4, 8, 16)  # times that, tried in turn on those who hardly move
AGREEING = 5.0  # standard deviations of the narrow smoothing that a wider one may differ from it
REACH = 4.0  # widths beyond which the Gaussian is nothing
SEEN = 0.3  # confidence under which a key point counts as not seen
FILLED_TRUST = 0.25  # weight of an interpolated point beside an observed one
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
    """(M, 4) states, centre and size each at the widest width that still tells the same."""
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


def one_rule(feet_seen: NDArray, confidence: NDArray | None = None) -> bool:
    """Whether a track is cropped by the rule for visible feet: one answer for all of its frames.

    Args:
        feet_seen: (N,) bool, per frame.
        confidence: (N,) weights of the frames.
    """
    feet_seen = np.asarray(feet_seen, float)
    if not len(feet_seen):
        return True
    weights = np.ones(len(feet_seen)) if confidence is None else np.asarray(confidence, float) + 1e-9
    return bool(np.average(feet_seen, weights=weights) >= 0.5)


@dataclass(frozen=True, eq=False)
class Points:
    """Key points of one track, smoothed.

    Attributes:
        points: (N, K, D) as given.
        confidence: (N, K) 0-1.
        filled: (N, K) bool: not seen in that frame, interpolated from frames around it.
    """

    points: NDArray
    confidence: NDArray
    filled: NDArray


def smooth_points(times: NDArray, points: NDArray, confidence: NDArray, width: float, limit: float = 0.5) -> Points:
    """Key points smoothed by confidence, gaps filled.

    A point that is not seen is interpolated if it was seen before and after, at most `limit` seconds apart; else it
    stays as it came, with its own low confidence.

    Args:
        times: (N,) seconds, ascending.
        points: (N, K, D), D = 2 or 3, any unit.
        confidence: (N, K) 0-1.
        width: seconds; 0 only fills gaps.
        limit: longest gap that is filled, seconds.
    """
    times, points = np.asarray(times, float), np.asarray(points, float)
    confidence = np.asarray(confidence, float)
    seen = (confidence >= SEEN) & np.isfinite(points).all(axis=2)
    out, sure, filled = np.array(points), np.array(confidence), np.zeros(seen.shape, bool)
    for key in range(points.shape[1]):
        rows = np.flatnonzero(seen[:, key])
        if not len(rows):
            continue
        after = np.searchsorted(rows, np.arange(len(times)))
        before, next_ = rows[np.maximum(after - 1, 0)], rows[np.minimum(after, len(rows) - 1)]
        bridged = ~seen[:, key] & (after > 0) & (after < len(rows)) & (times[next_] - times[before] <= limit)
        values = np.stack([np.interp(times, times[rows], points[rows, key, d]) for d in range(points.shape[2])], axis=1)
        filled[bridged, key] = True
        sure[bridged, key] = 0.5 * np.minimum(confidence[before, key], confidence[next_, key])[bridged]
        usable = seen[:, key] | bridged
        weights = np.where(bridged, FILLED_TRUST, 1.0) * sure[:, key]
        smoothed = smooth(times[usable], values[usable], width, weights[usable] ** 2)
        out[usable, key] = smoothed
    return Points(out, sure, filled)


class OneEuro:
    """The One-Euro filter (Casiez et al. 2012): a low pass whose cut-off rises with speed.

    Example:
        >>> filter = OneEuro(1.0, 0.0)
        >>> [filter.step(t, np.array([1.0])).item() for t in (0.0, 0.1)]
        [1.0, 1.0]
    """

    def __init__(self, cutoff: float = 1.0, beta: float = 0.5, speed_cutoff: float = 1.0) -> None:
        """Start without a past.

        Args:
            cutoff: Hz at rest.
            beta: Hz per unit of speed.
            speed_cutoff: Hz, for the speed itself.
        """
        self._cutoff, self._beta, self._speed_cutoff = cutoff, beta, speed_cutoff
        self._time: float | None = None

    def step(self, time: float, values: NDArray) -> NDArray:
        """The next values, smoothed; times ascend and may be uneven, a repeated time changes nothing."""
        values = np.asarray(values, float)
        if self._time is None:
            self._time, self._value, self._speed = time, values, np.zeros_like(values)
            return values
        gap = time - self._time
        if gap <= 0:
            return self._value
        speed = (values - self._value) / gap
        self._speed = self._speed + _share(self._speed_cutoff, gap) * (speed - self._speed)
        share = _share(self._cutoff + self._beta * np.abs(self._speed), gap)
        self._value = self._value + share * (values - self._value)
        self._time = time
        return self._value


def _share(cutoff: NDArray | float, gap: float) -> NDArray:
    """Weight of the new value in a first-order low pass."""
    return 1 / (1 + 1 / (2 * np.pi * np.asarray(cutoff) * gap))


class RectStream:
    """Rects of one track smoothed as they come; the crop rule of the first frame stays."""

    def __init__(self, cutoff: float = 0.5, beta: float = 12.0) -> None:
        """Start without a past.

        Args:
            cutoff: Hz at rest; beta: Hz per rect side and second.
        """
        self._filter = OneEuro(cutoff, beta)
        self._side: float | None = None
        self.feet: bool | None = None

    def rule(self, feet_seen: bool) -> bool:
        """Whether to crop by the rule for visible feet: the first frame decides."""
        self.feet = feet_seen if self.feet is None else self.feet
        return self.feet

    def step(self, time: float, rect: NDArray) -> NDArray:
        """(4,) smoothed x, y, w, h from the next one."""
        state = _states(np.asarray(rect, float))
        # Speeds are measured in sides of the first rect, so that one setting fits every picture size.
        self._side = float(np.exp(state[2:].mean())) if self._side is None else self._side
        state[:2] /= self._side
        smoothed = np.array(self._filter.step(time, state))
        smoothed[:2] *= self._side
        return _rects(smoothed)
