"""Light: an environment in spherical harmonics and a few lamps, one of which casts shadows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.weights.store import fetch
from maquette.weights.tensors import opened

# Cosine lobe convolved with each band, over pi (Ramamoorthi & Hanrahan 2001, eq. 8): irradiance from radiance.
COSINE_LOBE = np.array([1.0, *[2 / 3] * 3, *[1 / 4] * 5])
SUN_K, SHADE_K = 3000.0, 9000.0  # range of colour temperatures, kelvin
PLACES = 0.4  # share of photographs taken in the light of a measured place
PLACE_LEVEL = 0.9  # mean light on a wall there, which cameras expose for
WHITE_BALANCE = (0.5, 1.0)  # how far cameras take a place's colour for white


@dataclass(frozen=True, eq=False)
class Light:
    """Everything that lights a scene, linear RGB.

    Attributes:
        environment: (9, 3) float32 spherical harmonics of radiance, world frame, bands 0-2 in the order
            1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2 (`shade.harmonics`).
        towards: (L, 3) float32 unit vectors to the lamps, world; the first casts shadows.
        colors: (L, 3) float32 radiance times solid angle over pi: a white wall facing the lamp shows this colour.
        softness: radius of the shadow's edge, metres at the head.
    """

    environment: NDArray
    towards: NDArray
    colors: NDArray
    softness: float


def warmth(kelvin: float) -> NDArray:
    """(3,) linear RGB of a light of this colour temperature, mean 1; a fit by eye to the Planckian locus."""
    t = np.clip((kelvin - 6500.0) / 3500.0, -1.0, 1.0)
    color = np.array([1 - 0.35 * t, 1 - 0.02 * abs(t), 1 + 0.55 * t if t < 0 else 1 + 0.45 * t])
    return color / color.mean()


def draw_light(rng: np.random.Generator, facing: NDArray) -> Light:
    """A light as photographs of people have them: a measured place, or soft indoor, window, sun, flash, stage.

    Args:
        facing: (3,) unit vector from the head to the camera, world; drawn lamps are more often on this side.
    """
    return draw_place(rng) if rng.random() < PLACES else draw_studio(rng, facing)


def draw_place(rng: np.random.Generator) -> Light:
    """The light of one of 18 measured places, turned about the upright axis; its brightest cone casts the shadow."""
    places = load_places()
    k = rng.integers(len(places["towards"]))
    turn = rng.uniform(0, 2 * np.pi)
    mean = places["environment"][k, 0] * 0.282095 + places["colors"][k] / 4
    balance = mean ** -rng.uniform(*WHITE_BALANCE)
    level = (PLACE_LEVEL * np.exp(0.3 * rng.normal()) * balance / (mean * balance).mean()).astype(np.float32)
    towards = turned(places["towards"][k], turn)
    environment = turned_harmonics(places["environment"][k], turn)
    softness = float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))
    return Light(level * environment, towards[None], level * places["colors"][k][None], softness)


@lru_cache(maxsize=1)
def load_places() -> dict[str, NDArray]:
    """(18, 9, 3) "environment", (18, 3) "towards" and "colors" as `Light` has them; the mean wall has luminance 1."""
    with opened(fetch("place-lights"), "the light of places", "reinstall maquette", "numpy") as file:
        return {name: np.asarray(file.get_tensor(name)) for name in ("environment", "towards", "colors")}


def turned(direction: NDArray, angle: float) -> NDArray:
    """(3,) float32: a direction turned about y, from z towards x."""
    x, y, z = direction
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * x + sine * z, y, cosine * z - sine * x], np.float32)


def turned_harmonics(environment: NDArray, angle: float) -> NDArray:
    """(9, 3) float32: an environment turned likewise; bands do not mix."""
    cosine, sine = np.cos(angle), np.sin(angle)
    double, twice = np.cos(2 * angle), np.sin(2 * angle)
    one, y, z, x, xy, yz, zz, xz, xx = environment
    # In band 2 the part that y does not turn is (3y^2 - 1), which is a mix of (3z^2 - 1) and (x^2 - y^2).
    root = np.sqrt(3)
    still, moving = -(zz + root * xx) / 2, (root * zz - xx) / 2
    moving, xz = double * moving - twice * xz, double * xz + twice * moving
    zz, xx = (root * moving - still) / 2, -(root * still + moving) / 2
    band1 = [y, cosine * z - sine * x, cosine * x + sine * z]
    return np.array(
        [one, *band1, cosine * xy + sine * yz, cosine * yz - sine * xy, zz, xz, xx], np.float32
    )  # fmt: skip


def draw_studio(rng: np.random.Generator, facing: NDArray) -> Light:
    """A made-up light; `facing` as in `draw_light`."""
    style = rng.choice(["soft", "window", "sun", "flash", "two", "back"], p=[0.34, 0.22, 0.16, 0.1, 0.12, 0.06])
    kelvin = rng.uniform(SUN_K, SHADE_K)
    ambient = {"soft": 0.85, "window": 0.4, "sun": 0.35, "flash": 0.25, "two": 0.3, "back": 0.45}[style]
    ambient *= np.exp(0.35 * rng.normal())
    environment = _environment(rng, ambient * warmth(kelvin + 1500 * rng.normal()), style)
    count = {"soft": 1, "two": 2, "back": 2}.get(style, 1)
    towards, colors = [], []
    for k in range(count):
        spread = {"flash": 0.12, "soft": 1.2}.get(style, 0.8)
        direction = facing + spread * rng.normal(size=3) + [0, 0.35 * (style != "flash"), 0]
        if style == "back" and k == 0:
            direction = -0.6 * facing + 0.7 * rng.normal(size=3) + [0, 0.5, 0]
        direction[1] = max(direction[1], -0.2 * np.linalg.norm(direction))
        towards.append(direction / np.linalg.norm(direction))
        strength = {"soft": 0.25, "window": 0.75, "sun": 0.95, "flash": 0.8, "two": 0.6, "back": 0.6}[style]
        colors.append(strength * np.exp(0.25 * rng.normal()) * warmth(rng.uniform(SUN_K, SHADE_K)))
    softness = {"sun": 0.002, "flash": 0.003, "window": 0.015, "soft": 0.03}.get(style, 0.008)
    return Light(environment, np.array(towards, np.float32), np.array(colors, np.float32), softness)


def _environment(rng: np.random.Generator, color: NDArray, style: str) -> NDArray:
    """(9, 3) a smooth world: brighter above, with a random gradient and colour of its own."""
    sh = np.zeros((9, 3))
    sh[0] = color / 0.282095
    lean = 0.35 * rng.normal(size=(3, 1)) + 0.1 * rng.normal(size=(3, 3))
    lean[0] += 0.35  # y: light comes from above
    sh[1:4] = lean * sh[0] * 0.5
    sh[4:] = 0.12 * rng.normal(size=(5, 1)) * sh[0] * (0.5 if style == "soft" else 1.0)
    return sh.astype(np.float32)
