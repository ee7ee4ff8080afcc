"""A head that lives for a few seconds: it speaks, blinks, looks around and moves, and is filmed; all of it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maquette.core.types import Camera
from maquette.synthesis.accessories.hands import draw_hand
from maquette.synthesis.anatomy.expression import EMOTIONS, VISEMES
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.light import draw_light
from maquette.synthesis.rendering.render import render
from maquette.synthesis.rendering.sensor import Sensor, develop, draw_sensor
from maquette.synthesis.rendering.viewpoint import AIM_M, look_at
from maquette.synthesis.scenes.head_scene import SyntheticPerson, dress, head_model, head_occlusion, neck_color

SYLLABLE_S = 0.16, 0.05  # mean and spread of how long a mouth shape lasts
MOUTH_LAG_S = 0.045  # how quickly mouths change shape
BLINK_S, BLINK_EVERY_S = 0.2, 1.4
TURN_RAD, SWAY_S = (0.35, 0.14, 0.09), 0.45  # spread of yaw, pitch, roll over a clip, and how slow they are
GLANCE_RAD, GLANCE_EVERY_S = 0.14, 0.7
MOODS = ("smile", "surprise", "anger", "doubt")


@dataclass(frozen=True, eq=False)
class FilmedFrame:
    """One frame of somebody who does not exist.

    Attributes:
        image: (S, S, 3) uint8 sRGB. camera: in its pixels; the head is the world, metres.
        expression: (52,) weights, 0-1. vertices: (V, 3) float32 metres, the head with expression.
    """

    image: NDArray
    camera: Camera
    expression: NDArray
    vertices: NDArray


@dataclass(frozen=True, eq=False)
class Acting:
    """What a head does.

    Attributes:
        times: (N,) seconds. expression: (N, 52). turns: (N, 3) yaw, pitch, roll of the camera around it, radians.
        covered: (N,) bool or None: whether a hand passes before the face.
    """

    times: NDArray
    expression: NDArray
    turns: NDArray
    covered: NDArray | None = None


def act(names: Sequence[str], count: int, fps: float, rng: np.random.Generator) -> Acting:
    """Speech with moods, blinks, glances and a swaying head.

    Args:
        names: of the units. count: frames.
    """
    times = np.arange(count) / fps
    weights = np.zeros((count, len(names)))
    _speak(weights, names, times, rng)
    mood = EMOTIONS[MOODS[int(rng.integers(len(MOODS)))]]
    strength = _slow(rng, count, 0.8 * fps)
    _add(weights, names, mood, 0.5 * np.clip(strength, 0, 1))
    _glance(weights, names, times, fps, rng)
    _blink(weights, names, times, rng)
    turns = np.stack([spread * _slow(rng, count, SWAY_S * fps) for spread in TURN_RAD], axis=1)
    return Acting(times, np.clip(weights, 0, 1), turns + rng.normal(0, [0.25, 0.08, 0.05]))


def film(
    person: SyntheticPerson | Callable[[NDArray], SyntheticPerson],
    acting: Acting,
    seed: tuple[int, ...],
    size: int = 320,
    device: str = "cpu",
    taken: Sensor | None = None,
    fill: float | None = None,
) -> Iterator[FilmedFrame]:
    """Frames of somebody who acts, in one light and before one camera that shakes a little.

    Args:
        person: or the person with an expression (52,), whose skin that changes.
        seed: of light, camera, things and noise. size: pixels a side.
        taken: how the camera takes every frame; None for a fair one.
        fill: share of the picture that the head takes; None draws it.
    """
    rng = np.random.default_rng(seed)
    model = head_model()
    drawn, distance = rng.uniform(0.42, 0.6), rng.uniform(0.6, 1.4)
    fill = drawn if fill is None else fill
    light = draw_light(rng, np.array([0.0, 0.0, 1.0]))
    background = draw_background(rng, (size, size))
    sensor = replace(draw_sensor(rng, size), exposure=0.0, gain=1.5, shrink=1.0, jpeg=int(rng.uniform(45, 90)))
    sensor = taken or replace(sensor, defocus=min(sensor.defocus, 0.8), motion=(0.0, 0.0), curve=1.0)
    shake = 0.004 * np.cumsum(gaussian_filter1d(rng.normal(size=(len(acting.times), 3)), 2, axis=0), axis=0)
    things = int(rng.integers(1 << 31))
    covered = np.zeros(len(shake), bool) if acting.covered is None else acting.covered
    for expression, turn, step, hidden in zip(acting.expression, acting.turns, shake, covered):
        worn = person if isinstance(person, SyntheticPerson) else person(expression)
        vertices = model.vertices(worn.identity.coefficients, expression, worn.identity.scale)
        yaw, pitch, roll = (float(angle) for angle in turn)
        camera = look_at(yaw, pitch, roll, distance, (size, size), fill, AIM_M + step)
        surfaces, strands = dress(worn, vertices, (-0.3 * float(turn[0]), 0.0, 0.0), np.random.default_rng(things))
        if hidden:
            surfaces += draw_hand(model, vertices, neck_color(worn.skin), np.random.default_rng(things + 1))
        picture = render(surfaces, strands, camera, light, head_occlusion(), device)
        radiance = picture.radiance + (1 - picture.coverage[..., None]) * background
        yield FilmedFrame(develop(radiance, None, sensor, rng), camera, expression, vertices)


def _slow(rng: np.random.Generator, count: int, width: float) -> NDArray:
    """(N,) smooth noise of spread 1."""
    noise = gaussian_filter1d(rng.normal(size=count + int(8 * width)), width)[int(4 * width) :][:count]
    return noise * np.sqrt(2 * np.sqrt(np.pi) * width)


def _add(weights: NDArray, names: Sequence[str], units: Mapping[str, float], share: NDArray | float) -> None:
    """Add units without sides to both, in place: `act` owns the array."""
    places = list(names)
    for unit, weight in units.items():
        for name in (unit, f"{unit}Left", f"{unit}Right"):
            if name in places:
                weights[:, places.index(name)] += weight * share


def _speak(weights: NDArray, names: Sequence[str], times: NDArray, rng: np.random.Generator) -> None:
    """Mouth shapes one after the other, with pauses; "mb" shuts the lips."""
    fps = 1 / (times[1] - times[0])
    shapes, start = list(VISEMES), 0.0
    while start < times[-1]:
        long = max(0.07, rng.normal(*SYLLABLE_S))
        if rng.random() > 0.12:
            shape = "mb" if rng.random() < 0.2 else shapes[int(rng.integers(len(shapes)))]
            on = ((times >= start) & (times < start + long)).astype(float)
            _add(weights, names, VISEMES[shape], on * rng.uniform(0.8, 1.3))
        start += long
    weights[:] = gaussian_filter1d(weights, MOUTH_LAG_S * fps, axis=0)


def _blink(weights: NDArray, names: Sequence[str], times: NDArray, rng: np.random.Generator) -> None:
    start = rng.uniform(0.2, 0.6)
    places = [list(names).index(f"eyeBlink{side}") for side in ("Left", "Right")]
    while start < times[-1]:
        phase = (times - start) / BLINK_S
        closing = np.where(phase < 0.35, phase / 0.35, (1 - phase) / 0.65)
        shut = np.clip(1.25 * closing, 0, 1)[:, None]
        weights[:, places] = np.maximum(weights[:, places], shut)
        start += BLINK_S + rng.exponential(BLINK_EVERY_S)


def _glance(weights: NDArray, names: Sequence[str], times: NDArray, fps: float, rng: np.random.Generator) -> None:
    """Both eyes jump from place to place; lids follow glances down."""
    yaw, pitch, start = np.zeros(len(times)), np.zeros(len(times)), 0.0
    while start < times[-1]:
        later = times >= start
        yaw[later], pitch[later] = rng.normal(0, GLANCE_RAD), rng.normal(0, 0.6 * GLANCE_RAD)
        start += 0.15 + rng.exponential(GLANCE_EVERY_S)
    yaw, pitch = (gaussian_filter1d(turn, 0.012 * fps) for turn in (yaw, pitch))
    wide, high, low = np.radians([15.0, 10.0, 11.0])
    for side, sign in (("Left", 1), ("Right", -1)):
        for unit, turn in (("Out", sign * yaw / wide), ("In", -sign * yaw / wide), ("Up", pitch / high),
                           ("Down", -pitch / low)):  # fmt: skip
            weights[:, list(names).index(f"eyeLook{unit}{side}")] = np.clip(turn, 0, 1)
