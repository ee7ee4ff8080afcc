"""Eyeballs of people who do not exist: iris, limbal ring, pupil, veined sclera, shade of the lids."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.surface.eyes import IRIS_RADIUS_M, lid_shadow
from maquette.surface.pyramid import smoothstep
from maquette.synthesis.guides import Guide
from maquette.synthesis.types import Identity

FINER = 3  # painted at so many times the texture's resolution, then averaged
IRIS = {  # linear RGB: the iris' ground
    "black": (0.018, 0.010, 0.006), "brown": (0.055, 0.025, 0.011), "amber": (0.13, 0.065, 0.020),
    "hazel": (0.12, 0.085, 0.032), "green": (0.115, 0.13, 0.065), "grey": (0.16, 0.175, 0.175),
    "blue": (0.115, 0.17, 0.235),
}  # fmt: skip
IRIS_SHARES = {
    "african": (0.55, 0.40, 0.04, 0.01, 0, 0, 0), "asian": (0.50, 0.44, 0.04, 0.02, 0, 0, 0),
    "caucasian": (0.05, 0.30, 0.09, 0.17, 0.11, 0.08, 0.20),
}  # fmt: skip
SCLERA = np.array([0.66, 0.60, 0.565])
FLESH = np.array([1.0, 0.52, 0.47])  # what blood leaves of white


def draw_iris(identity: Identity, tone: float, rng: np.random.Generator) -> NDArray:
    """(3,) linear RGB of the iris, by ancestry and skin tone 1-10."""
    shares = sum(w * np.array(IRIS_SHARES[name]) for w, name in zip(identity.ancestry, IRIS_SHARES, strict=True))
    shares = shares * np.exp(-np.array([0, 0, 0.2, 0.4, 0.6, 0.7, 0.8]) * max(tone - 3.5, 0))
    colours = np.log(np.array(list(IRIS.values())))
    chosen = colours[rng.choice(len(IRIS), p=shares / shares.sum())]
    return np.exp(chosen + 0.15 * rng.standard_normal() + 0.06 * rng.standard_normal(3))


@lru_cache(maxsize=4)
def _directions(guide: Guide, part: str) -> tuple[NDArray, float]:
    """(h, w, 3) unit directions of an eyeball's texels, finer than the texture, and the iris' angle, radians."""
    model, side = guide.model, part.removeprefix("eye")
    centre = model.eye_centre(model.mean, side).astype(np.float32)
    ball = guide.charts[part].spread(model.mean - centre)
    height, width = ball.shape[:2]
    ball = cv2.resize(ball, (width * FINER, height * FINER), interpolation=cv2.INTER_LINEAR)
    radius = np.percentile(np.linalg.norm(model.mean[model.part_vertices(part)] - centre, axis=1), 90)
    ball /= np.maximum(np.linalg.norm(ball, axis=2, keepdims=True), 1e-9)
    return ball, float(np.arcsin(IRIS_RADIUS_M / radius))


def paint_eyes(guide: Guide, albedo: NDArray, identity: Identity, tone: float, rng: np.random.Generator) -> None:
    """Paint both eyeballs into `albedo` (S, S, 3) linear, in place: it is being made by the caller."""
    iris = draw_iris(identity, tone, rng)
    pupil = rng.uniform(0.26, 0.55)
    age = np.clip(identity.age / 80, 0, 1)
    yellow = np.array([1.0, 0.985 - 0.03 * age, 0.97 - 0.08 * age - 0.05 * (tone > 6)])
    white = SCLERA * yellow * rng.uniform(0.88, 1.06) * (1 - 0.012 * max(tone - 5, 0))
    blood = rng.uniform(0.2, 1.0) ** 1.5
    noise = _tile(rng)
    for part in ("eyeRight", "eyeLeft"):
        direction, angle = _directions(guide, part)
        painted = painted_eye(direction, angle, (iris, white), (pupil, blood), noise)
        chart = guide.charts[part]
        small = cv2.resize(painted.astype(np.float32), chart.shape[::-1], interpolation=cv2.INTER_AREA)
        reach = cv2.dilate(chart.inside.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=3) > 0
        albedo[chart.region][reach] = np.clip(small[reach], 0.006, 0.8)


def painted_eye(
    direction: NDArray, iris_angle: float, colours: tuple[NDArray, NDArray], amounts: tuple[float, float],
    noise: NDArray,
) -> NDArray:  # fmt: skip
    """(h, w, 3) linear RGB of an eyeball that looks along +z.

    Args:
        direction: (h, w, 3) unit, from the eyeball's centre.
        iris_angle: radians between its axis and the iris' rim.
        colours: iris (3,) and sclera (3,), linear RGB.
        amounts: pupil as share of the iris' radius, and 0-1 how bloodshot the eye is.
        noise: (n, n) unit noise that repeats.
    """
    angle = np.arccos(np.clip(direction[..., 2], -1, 1))
    around = np.arctan2(direction[..., 1], direction[..., 0]) / (2 * np.pi)
    rho = angle / iris_angle
    (iris, white), (pupil, blood) = colours, amounts
    veins = np.zeros_like(rho)
    for scale, shift in ((11.0, 3), (21.0, 50)):
        bent = 0.07 * _at(noise, direction[..., 0] * 30 + 5, direction[..., 1] * 30 + 60)
        value = _at(noise, direction[..., 0] * 0.4 * scale + shift, (direction[..., 1] + bent) * scale + shift)
        veins += np.exp(-((value / 0.12) ** 2))
    red = (0.05 + 0.22 * blood) * smoothstep(rho, 1.1, 2.4) * np.minimum(veins, 1.3)
    red = red + (0.12 + 0.2 * blood) * smoothstep(angle, 0.65, 1.25) + 0.04 * blood
    sclera = white * (1 - red[..., None] * (1 - FLESH))
    fibre = 0.6 * _at(noise, around * 96, rho * 5) + 0.45 * _at(noise, around * 192 + 40, rho * 8 + 70)
    collar = np.exp(-(((rho - pupil - 0.16) / 0.13) ** 2))
    shade = 1.0 + 0.17 * fibre + 0.35 * collar - 0.62 * smoothstep(rho, 0.74, 1.0)
    warm = np.array([1.25, 1.0, 0.72]) ** (0.8 * collar[..., None])  # the pupil's zone holds more melanin
    disc = iris * np.clip(shade, 0.12, 2)[..., None] * warm
    disc = disc + (1 - smoothstep(rho, pupil - 0.05, pupil + 0.05))[..., None] * (0.006 - disc)
    inside = 1 - smoothstep(rho, 0.92, 1.10)
    eye = sclera + inside[..., None] * (disc - sclera)
    return eye * (lid_shadow(direction) ** 1.35)[..., None]


def _tile(rng: np.random.Generator, side: int = 96) -> NDArray:
    """(side + 1, side + 1) float32 unit noise that repeats."""
    values = cv2.GaussianBlur(np.pad(rng.standard_normal((side, side), np.float32), 4, mode="wrap"), (0, 0), 0.7)
    values = values[4:-4, 4:-4] * 2.2
    return np.pad(values, ((0, 1), (0, 1)), mode="wrap")


def _at(noise: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Noise at any position, repeated in both directions, bilinear."""
    side = len(noise) - 1
    return cv2.remap(noise, *(np.mod(k, side).astype(np.float32) for k in (x, y)), cv2.INTER_LINEAR)
