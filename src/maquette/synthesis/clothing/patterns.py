"""What cloth looks like: colours, stripes, checks, dots, prints, and the height of weave and small folds."""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.imaging.srgb import linear

SIZE = 256  # pixels of a texture's side
EXTENT_M = 0.72  # what they show, `cloth.CHART_SIZE_M`
CHEST = (0.5, 0.42)  # of the texture, from the left and from the top: where a print sits
PATTERNS = ("plain", "heather", "stripes", "bars", "checks", "dots", "print", "blotches")


def draw_color(rng: np.random.Generator, dark: float = 0.5) -> NDArray:
    """(3,) float32 linear RGB as clothes have it: black, white, grey and blue often, the rest of any hue."""
    kind = rng.random()
    if kind < 0.36:
        tone = rng.beta(0.5, 0.5 + dark)
        color = np.full(3, 0.05 + 0.88 * tone) + 0.015 * rng.normal(size=3)
    elif kind < 0.56:
        color = np.array(colorsys.hsv_to_rgb(rng.uniform(0.56, 0.67), rng.uniform(0.2, 0.75), rng.uniform(0.15, 0.8)))
    else:
        color = np.array(colorsys.hsv_to_rgb(rng.random(), rng.beta(2, 2.2), rng.uniform(0.2, 0.92)))
    return linear(np.clip(color, 0.03, 0.95).astype(np.float32))


@lru_cache(maxsize=1)
def _noises() -> NDArray:
    """(4, S, S) float32 of unit variance that wrap round: folds aslant (2), weave, blotches."""
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE), indexing="ij")
    rows, columns = rows * SIZE / EXTENT_M, columns * SIZE / EXTENT_M  # waves per metre
    out = []
    for lean in (0.5, -0.5):
        along, across = columns * np.sin(lean) + rows * np.cos(lean), columns * np.cos(lean) - rows * np.sin(lean)
        out.append(np.exp(-((along / 5) ** 2)) * np.exp(-((np.abs(across) - 16) ** 2) / 80))
    frequency = np.hypot(rows, columns)
    out += [frequency > 60, np.exp(-((frequency - 18) ** 2) / 60)]
    fields = [np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIZE, SIZE))) * f).real for f in out]
    return np.stack([f / f.std() for f in fields]).astype(np.float32)


def _moved(noise: NDArray, rng: np.random.Generator) -> NDArray:
    return np.roll(noise, tuple(rng.integers(0, SIZE, 2)), axis=(0, 1))


def wrinkles(rng: np.random.Generator, depth: float) -> NDArray:
    """(S, S) float32 metres: folds too small for the mesh, and the weave."""
    slant = _noises()[rng.integers(2)]
    return depth * _moved(slant, rng) + 5e-5 * _moved(_noises()[2], rng)


def _wave(position: NDArray, period: float, share: float) -> NDArray:
    """0-1 of a stripe of `share` of the period; its edges are as soft as a pixel of the texture."""
    t = np.abs((position / period) % 1 - 0.5)
    return np.clip((share / 2 - t) * period * SIZE / EXTENT_M + 0.5, 0, 1).astype(np.float32)


def _place() -> tuple[NDArray, NDArray]:
    metres = (np.arange(SIZE, dtype=np.float32) + 0.5) * EXTENT_M / SIZE
    return metres[None, :], metres[:, None]


def _print(rng: np.random.Generator) -> NDArray:
    """(S, S) 0-1: a disc, a box or lines of letters on the chest."""
    x, y = _place()
    x, y = x - CHEST[0] * EXTENT_M, y - CHEST[1] * EXTENT_M
    wide, high = rng.uniform(0.05, 0.12), rng.uniform(0.03, 0.1)
    inside = (np.abs(x) < wide) & (np.abs(y) < high)
    kind = rng.integers(3)
    if kind == 0:
        return ((x / wide) ** 2 + (y / wide) ** 2 < 1).astype(np.float32)
    if kind == 1:
        return (inside & (_moved(_noises()[3], rng) > 0)).astype(np.float32)
    letters = rng.random(SIZE) > 0.35
    return (inside & letters[None, :] & (_wave(y, 0.03, 0.6) > 0.5)).astype(np.float32)


def draw_pattern(rng: np.random.Generator, color: NDArray, choices: tuple[str, ...] = PATTERNS) -> NDArray:
    """(S, S, 3) float32 linear RGB texture of cloth of mainly this colour (3,); `choices` are of PATTERNS."""
    name = choices[rng.integers(len(choices))]
    other, (x, y) = draw_color(rng), _place()
    period, share = rng.uniform(0.012, 0.07), rng.uniform(0.2, 0.55)
    sheet: NDArray = np.zeros((SIZE, SIZE), np.float32)
    if name == "stripes":
        sheet = sheet + _wave(y, period, share)
    elif name == "bars":
        sheet = sheet + _wave(x, period * 0.6, share * 0.6)
    elif name == "checks":
        sheet = 0.5 * _wave(x, period, 0.5) + 0.5 * _wave(y, period, 0.5)
    elif name == "dots":
        u, v = (x / period) % 1 - 0.5, (y / period) % 1 - 0.5
        sheet = (np.hypot(u, v) < share * 0.6).astype(np.float32)
    elif name == "print":
        sheet = _print(rng)
    elif name == "blotches":
        sheet = (_moved(_noises()[3], rng) > rng.uniform(0, 1)).astype(np.float32)
    grain = 1 + (0.10 if name == "heather" else 0.03) * _moved(_noises()[2], rng)
    cloth = np.empty((SIZE, SIZE, 3), np.float32)
    for k in range(3):
        cloth[..., k] = (color[k] + (other[k] - color[k]) * sheet) * grain
    return np.clip(cloth, 0.005, 0.95, out=cloth)
