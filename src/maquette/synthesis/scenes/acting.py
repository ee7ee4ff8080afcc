"""Acting of every kind, to learn from: more moods, single units, winks, profiles and speeds than `face_motion.act` has.

What learns the motion of faces must not learn that every face speaks all the time and smiles at most: so moods come
and go, units move alone, one side is the stronger one, and a third of all clips have a head that turns far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.anatomy.expression import EMOTIONS, EYES, limit, sides
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_motion import Acting, act

SPEAKS, LOUDNESS = 0.65, 0.35  # share of clips, and spread of the log of how far mouths move
MOODS_EVERY_S, UNITS_EVERY_S = 1.5, 0.6
RISE_S, HOLD_S = (0.08, 0.4), 0.5  # how long a unit takes to come, least and most, and how long it stays
UNEVEN = 0.12  # spread of the log ratio of left to right
BLINK_S, BLINK_EVERY_S, WINKS = (0.14, 0.36), (0.5, 3.5), 0.06
DEEPEST = (0.75, 1.3)  # of a blink; above 1 the lids stay shut for a while
TURNED, FAR_RAD = 0.33, 0.55  # share of clips with a head turned far, and how far
HELD_S, HELD = (0.2, 0.8), 0.15  # how long a hand passes, and in how many clips
RATES = (24.0, 25.0, 30.0, 30.0, 30.0, 50.0, 60.0)


def draw_rate(rng: np.random.Generator) -> float:
    """Frames a second, of the usual ones."""
    return float(RATES[int(rng.integers(len(RATES)))])


def act_freely(names: Sequence[str], count: int, fps: float, rng: np.random.Generator) -> Acting:
    """Anything that a face may do.

    Args:
        names: of the units. count: frames.
    """
    acted = act(names, count, fps, rng)
    eyes = np.array([name.startswith(EYES) for name in names])
    weights = np.where(eyes, acted.expression, 0.0)
    blinks = [k for k, name in enumerate(names) if name.startswith("eyeBlink")]
    weights[:, blinks] = 0
    if rng.random() < SPEAKS:
        weights[:, ~eyes] += acted.expression[:, ~eyes] * np.exp(LOUDNESS * rng.normal())
    for start in _times(rng, acted.times, MOODS_EVERY_S):
        mood = EMOTIONS[list(EMOTIONS)[int(rng.integers(len(EMOTIONS)))]]
        course = rng.beta(2, 1.8) * _course(rng, acted.times, start)
        for unit, weight in mood.items():
            for name in sides(unit, dict.fromkeys(names, 0.0)):
                weights[:, list(names).index(name)] += weight * course
    for start in _times(rng, acted.times, UNITS_EVERY_S):
        unit = names[int(rng.integers(len(names)))]
        if unit.startswith(("eyeBlink", "eyeLook")):
            continue
        both = rng.random() < 0.7 and unit.endswith(("Left", "Right"))
        moved = [unit, unit.replace("Left", "Right") if "Left" in unit else unit.replace("Right", "Left")]
        course = rng.beta(1.5, 2) * _course(rng, acted.times, start)
        for name in moved if both and moved[1] in names else moved[:1]:
            weights[:, list(names).index(name)] += course
    weights = _limited(weights * _leaning(names, rng), names)
    _blink_freely(weights, blinks, acted.times, rng)
    turns = acted.turns.copy()
    turns[:, 0] += FAR_RAD * rng.normal() if rng.random() < TURNED else 0.0
    return replace(
        acted,
        expression=np.clip(weights, 0, 1),
        turns=np.clip(turns, *np.transpose([[-1.45, 1.45], [-0.6, 0.6], [-0.5, 0.5]])),
        covered=_covered(rng, acted.times),
    )


def draw_clip_sensor(rng: np.random.Generator, size: int) -> Sensor:
    """A phone, a webcam, a dim room: noise, blur, a low resolution, what is left of compression."""
    dim = rng.random() < 0.15
    return Sensor(
        exposure=float(rng.uniform(-2, -0.5) if dim else 0.35 * rng.normal()),
        gain=float(np.exp(rng.uniform(1, 3) if dim else 0.8 * abs(rng.normal()))),
        defocus=float(0.6 * abs(rng.normal()) * size / 256),
        motion=(float(rng.uniform(1, 4) * size / 256) if rng.random() < 0.12 else 0.0, float(rng.uniform(0, np.pi))),
        shrink=float(np.exp(rng.uniform(0, np.log(2.5)))) if rng.random() < 0.2 else 1.0,
        jpeg=int(rng.uniform(40, 95)),
        balance=tuple(np.exp(0.05 * rng.normal(size=3))),
        curve=float(np.exp(0.1 * rng.normal())),
    )


def _times(rng: np.random.Generator, times: NDArray, every: float) -> list[float]:
    """Seconds at which something begins, on average `every` seconds."""
    count = rng.poisson((times[-1] - times[0] + 0.5) / every)
    return list(rng.uniform(times[0] - 0.5, times[-1], count))


def _course(rng: np.random.Generator, times: NDArray, start: float) -> NDArray:
    """(N,) 0 to 1 and back."""
    rise, fall = np.exp(rng.uniform(np.log(RISE_S[0]), np.log(RISE_S[1]), 2))
    hold = rng.exponential(HOLD_S)
    ramp = np.minimum((times - start) / rise, (start + rise + hold + fall - times) / fall)
    share = np.clip(ramp, 0, 1)
    found: NDArray = share * share * (3 - 2 * share)
    return found


def _leaning(names: Sequence[str], rng: np.random.Generator) -> NDArray:
    """(E,) factors: one side of a face is the stronger one."""
    lean = UNEVEN * rng.normal()
    signs = np.array([1 if n.endswith("Left") else -1 if n.endswith("Right") else 0 for n in names])
    gaze = np.array([name.startswith(("eyeLook", "eyeBlink")) for name in names])
    return np.where(gaze, 1.0, np.exp(lean * signs))


def _limited(weights: NDArray, names: Sequence[str]) -> NDArray:
    rows = []
    for row in weights:
        units = dict(zip(names, row))
        limit(units)
        rows.append([units[name] for name in names])
    return np.array(rows)


def _blink_freely(weights: NDArray, places: Sequence[int], times: NDArray, rng: np.random.Generator) -> None:
    """Short and long blinks, half ones, winks, in place: `act_freely` owns the array."""
    start, every = rng.uniform(0.0, 0.8), rng.uniform(*BLINK_EVERY_S)
    while start < times[-1]:
        long = rng.uniform(*BLINK_S)
        phase = (times - start) / long
        closing = np.clip(rng.uniform(*DEEPEST) * np.where(phase < 0.35, phase / 0.35, (1 - phase) / 0.65), 0, 1)
        which = [places[int(rng.integers(2))]] if rng.random() < WINKS else list(places)
        weights[:, which] = np.maximum(weights[:, which], closing[:, None])
        start += long + rng.exponential(every)


def _covered(rng: np.random.Generator, times: NDArray) -> NDArray | None:
    """(N,) whether a hand is before the face, None if it never is."""
    if rng.random() >= HELD:
        return None
    start = rng.uniform(times[0], times[-1])
    return (times >= start) & (times < start + rng.uniform(*HELD_S))
