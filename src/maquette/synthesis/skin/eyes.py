"""Eyeballs of people who do not exist: iris, limbal ring, pupil, veined sclera, shade of the lids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.skin.guides import SkinGuide, reach_of, window_of
from maquette.synthesis.types import Identity
from maquette.texturing.head.eyes import IRIS_RADIUS_M
from maquette.texturing.images import smoothstep

TILE = 96  # side of the noise
FINER = 2  # painted at so many times the texture's resolution, then averaged
IRIS = {  # linear RGB: the iris' ground
    "black": (0.018, 0.010, 0.006), "brown": (0.055, 0.025, 0.011), "amber": (0.095, 0.046, 0.018),
    "hazel": (0.12, 0.085, 0.032), "green": (0.110, 0.118, 0.072), "grey": (0.16, 0.175, 0.175),
    "blue": (0.120, 0.160, 0.205),
}  # fmt: skip
IRIS_SHARES = {
    "african": (0.55, 0.40, 0.04, 0.01, 0, 0, 0), "asian": (0.50, 0.44, 0.04, 0.02, 0, 0, 0),
    "caucasian": (0.05, 0.30, 0.09, 0.17, 0.11, 0.08, 0.20),
}  # fmt: skip
SCLERA = np.array([0.69, 0.62, 0.575])
COLLAR_WARMTH = np.log(np.array([1.2, 1.0, 0.77], np.float32))  # the pupil's zone holds more melanin
FLESH = np.array([1.0, 0.52, 0.47], np.float32)  # what blood leaves of white


def draw_iris(identity: Identity, tone: float, rng: np.random.Generator) -> NDArray:
    """(3,) linear RGB of the iris, by ancestry and skin tone 1-10."""
    shares = sum(w * np.array(IRIS_SHARES[name]) for w, name in zip(identity.ancestry, IRIS_SHARES, strict=True))
    shares = shares * np.exp(-np.array([0, 0, 0.2, 0.4, 0.6, 0.7, 0.8]) * max(tone - 3.5, 0))
    colours = np.log(np.array(list(IRIS.values())))
    chosen = colours[rng.choice(len(IRIS), p=shares / shares.sum())]
    return np.exp(chosen + 0.15 * rng.standard_normal() + 0.05 * rng.standard_normal(3))


@dataclass(frozen=True, eq=False)
class Eyeball:
    """What stays the same in every eyeball, per texel (h, w) FINER times finer than the texture.

    Attributes:
        rho: angle from the axis, 1 at the iris' rim.
        veined: 0-1, where veins show. red: 0-1 towards the back, where flesh is near.
        shadow: (h, w, 1) factor, shade of the lids.
        iris: the window of the iris, as an index.
        lookups: x, y of the noise for two generations of veins, and within the iris' window for two of fibres.
    """

    rho: NDArray
    veined: NDArray
    red: NDArray
    shadow: NDArray
    iris: tuple[slice, slice]
    lookups: tuple[tuple[NDArray, NDArray], ...]


@lru_cache(maxsize=4)
def _eyeball(guide: SkinGuide, part: str) -> Eyeball:
    """An eyeball of the mean head; its gaze is straight ahead."""
    model, side = guide.model, part.removeprefix("eye")
    centre = model.eye_centre(model.mean, side).astype(np.float32)
    d = guide.charts[part].spread(model.mean - centre)
    height, width = d.shape[:2]
    d = cv2.resize(d, (width * FINER, height * FINER), interpolation=cv2.INTER_LINEAR)
    radius = np.percentile(np.linalg.norm(model.mean[model.part_vertices(part)] - centre, axis=1), 90)
    d = d / np.maximum(np.linalg.norm(d, axis=2, keepdims=True), 1e-9)
    angle = np.arccos(np.clip(d[..., 2], -1, 1))
    rho = angle / np.arcsin(IRIS_RADIUS_M / radius)
    around = np.arctan2(d[..., 1], d[..., 0]) / (2 * np.pi)
    iris = window_of(rho < 1.2)
    bend = 0.07 * _at(_tile(np.random.default_rng(5)), d[..., 0] * 30 + 5, d[..., 1] * 30 + 60)
    lookups = [(d[..., 0] * 0.4 * scale + at, (d[..., 1] + bend) * scale + at) for scale, at in ((11.0, 3), (21.0, 50))]
    fibres = ((around * 96, rho * 5), (around * 192 + 40, rho * 8 + 70))
    lookups += [(x[iris], y[iris]) for x, y in fibres]
    return Eyeball(
        rho.astype(np.float32), smoothstep(rho, 1.1, 2.4).astype(np.float32),
        smoothstep(angle, 0.65, 1.25).astype(np.float32), (lid_shadow(d) ** 1.35)[..., None].astype(np.float32), iris,
        tuple((np.mod(x, TILE).astype(np.float32), np.mod(y, TILE).astype(np.float32)) for x, y in lookups),
    )  # fmt: skip


def paint_eyes(guide: SkinGuide, albedo: NDArray, identity: Identity, tone: float, rng: np.random.Generator) -> None:
    """Paint both eyeballs into `albedo` (S, S, 3) linear, in place: it is being made by the caller."""
    iris = draw_iris(identity, tone, rng)
    pupil = rng.uniform(0.26, 0.55)
    age = np.clip(identity.age / 80, 0, 1)
    yellow = np.array([1.0, 0.985 - 0.03 * age, 0.97 - 0.08 * age - 0.05 * (tone > 6)])
    white = SCLERA * yellow * rng.uniform(0.88, 1.06) * (1 - 0.022 * max(tone - 5, 0))
    blood = rng.uniform(0.2, 1.0) ** 1.5
    noise = _tile(rng)
    for part in ("eyeRight", "eyeLeft"):
        painted = painted_eye(_eyeball(guide, part), iris, white, pupil, blood, noise)
        chart, reach = guide.charts[part], reach_of(guide, part)
        small = cv2.resize(painted, chart.shape[::-1], interpolation=cv2.INTER_AREA)
        albedo[chart.region][reach] = np.clip(small[reach], 0.006, 0.8)


def painted_eye(ball: Eyeball, iris: NDArray, white: NDArray, pupil: float, blood: float, noise: NDArray) -> NDArray:
    """(h, w, 3) float32 linear RGB of an eyeball that looks along +z.

    Args:
        ball: where its texels lie.
        iris, white: (3,) linear RGB of the iris and the sclera.
        pupil: share of the iris' radius. blood: 0-1, how bloodshot the eye is.
        noise: (TILE + 1, TILE + 1) unit noise that repeats.
    """
    iris, white = iris.astype(np.float32), white.astype(np.float32)
    values = [cv2.remap(noise, x, y, cv2.INTER_LINEAR) for x, y in ball.lookups]
    veins = sum(np.exp(-((value / 0.12) ** 2)) for value in values[:2])
    red = (0.05 + 0.22 * blood) * ball.veined * np.minimum(veins, 1.3) + (0.12 + 0.2 * blood) * ball.red + 0.04 * blood
    eye = white * (1 - red[..., None] * (1 - FLESH))
    rho = ball.rho[ball.iris]
    fibre = 0.6 * values[2] + 0.45 * values[3]
    collar = np.exp(-(((rho - pupil - 0.16) / 0.13) ** 2))
    shade = 1.0 + 0.17 * fibre + 0.35 * collar - 0.62 * smoothstep(rho, 0.74, 1.0)
    warm = np.exp(collar[..., None] * COLLAR_WARMTH)
    disc = iris * np.clip(shade, 0.12, 2)[..., None] * warm
    disc = disc + (1 - smoothstep(rho, pupil - 0.05, pupil + 0.05))[..., None] * (0.006 - disc)
    inside = 1 - smoothstep(rho, 0.92, 1.10)
    eye[ball.iris] += inside[..., None] * (disc - eye[ball.iris])
    return (eye * ball.shadow).astype(np.float32)


def lid_shadow(direction: NDArray) -> NDArray:
    """(h, w) factor: soft shade below the upper lid and in the corners, for unit directions in the eye's rest frame."""
    upper = 0.62 * smoothstep(direction[..., 1], 0.04, 0.36)
    lower = 0.22 * smoothstep(-direction[..., 1], 0.12, 0.36)
    corner = 0.38 * smoothstep(np.abs(direction[..., 0]), 0.25, 0.70)
    return (1 - upper) * (1 - lower) * (1 - corner)


def _tile(rng: np.random.Generator) -> NDArray:
    """(TILE + 1, TILE + 1) float32 unit noise that repeats."""
    values = cv2.GaussianBlur(np.pad(rng.standard_normal((TILE, TILE), np.float32), 4, mode="wrap"), (0, 0), 0.7)
    return np.pad(values[4:-4, 4:-4] * 2.2, ((0, 1), (0, 1)), mode="wrap")


def _at(noise: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Noise at any position, repeated in both directions, bilinear."""
    across, down = (np.mod(k, TILE).astype(np.float32) for k in (x, y))
    return cv2.remap(noise, across, down, cv2.INTER_LINEAR)
