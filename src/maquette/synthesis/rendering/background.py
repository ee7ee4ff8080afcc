"""What stands behind people: walls, blurred rooms, streets, lights out of focus; all drawn from noise and shapes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def draw_background(rng: np.random.Generator, size: tuple[int, int]) -> NDArray:
    """(H, W, 3) float32 linear RGB, mean about 0.2."""
    width, height = size
    style = rng.choice(["wall", "room", "clouds", "bokeh", "plain"], p=[0.2, 0.32, 0.2, 0.16, 0.12])
    painted = {"wall": _wall, "room": _room, "clouds": _clouds, "bokeh": _bokeh, "plain": _plain}[style](rng, 128)
    blur = np.exp(rng.uniform(np.log(0.5), np.log(6)))
    painted = cv2.GaussianBlur(painted, (0, 0), blur)
    painted = cv2.resize(painted, (max(width, height),) * 2, interpolation=cv2.INTER_CUBIC)[:height, :width]
    return np.clip(painted * np.exp(0.5 * rng.normal()), 0.002, 4).astype(np.float32)


def _color(rng: np.random.Generator) -> NDArray:
    """(3,) mostly greyish, as the world is."""
    return np.clip(rng.beta(1.3, 3.0) * (1 + rng.beta(1, 4.5) * rng.normal(size=3).clip(-1.5, 1.5)), 0.004, 1)


def _plain(rng: np.random.Generator, size: int) -> NDArray:
    return np.tile(_color(rng), (size, size, 1)).astype(np.float32)


def _wall(rng: np.random.Generator, size: int) -> NDArray:
    """A wall with light falling off to one side, perhaps a pattern."""
    across, down = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    lean = rng.normal(size=2) * 0.4
    shade = np.exp(lean[0] * across + lean[1] * down)
    if rng.random() < 0.4:
        turn, pitch = rng.uniform(0, np.pi), rng.uniform(4, 25)
        stripes = np.sin(pitch * (across * np.cos(turn) + down * np.sin(turn)))
        if rng.random() < 0.5:
            stripes = np.sign(stripes) * np.sign(np.sin(pitch * (down * np.cos(turn) - across * np.sin(turn))))
        shade = shade * (1 + rng.uniform(0.05, 0.4) * stripes)
    return (shade[..., None] * _color(rng) + 0.03 * _clouds(rng, size)).astype(np.float32)


def _clouds(rng: np.random.Generator, size: int) -> NDArray:
    """Coloured noise with a falling spectrum: foliage, crowds, anything out of focus."""
    total = np.zeros((size, size, 3), np.float32)
    for octave in range(2, 7):
        noise = rng.normal(size=(2**octave, 2**octave, 3)).astype(np.float32)
        total += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC) * 0.6 ** (octave - 2)
    grey = total.mean(axis=2, keepdims=True)
    mixed = grey + rng.uniform(0.0, 0.3) * (total - grey)
    return (_color(rng) * np.exp(0.8 * mixed)).astype(np.float32)


def _room(rng: np.random.Generator, size: int) -> NDArray:
    """Rectangles of several sizes: furniture, windows, shelves, houses, a horizon."""
    picture = _wall(rng, size)
    if rng.random() < 0.6:
        cut = int(rng.uniform(0.4, 0.9) * size)
        picture[cut:] = _color(rng) * np.linspace(0.8, 1.2, size - cut)[:, None, None]
    for _ in range(rng.integers(3, 22)):
        wide, high = (size * np.exp(rng.uniform(np.log(0.03), np.log(0.6), 2))).astype(int) + 1
        x, y = rng.integers(-wide // 2, size), rng.integers(-high // 2, size)
        box = cv2.boxPoints(((float(x), float(y)), (float(wide), float(high)), float(rng.normal() * 4)))
        color = _color(rng) * (6 if rng.random() < 0.08 else 1)
        if rng.random() < 0.85:
            cv2.fillConvexPoly(picture, box.astype(np.int32), color.tolist(), cv2.LINE_AA)
        else:
            cv2.ellipse(picture, (int(x), int(y)), (int(wide), int(high)), 0, 0, 360, color.tolist(), -1, cv2.LINE_AA)
    return picture


def _bokeh(rng: np.random.Generator, size: int) -> NDArray:
    """A dark scene with lights out of focus."""
    picture = _clouds(rng, size) * 0.3
    for _ in range(rng.integers(5, 40)):
        spot = np.zeros_like(picture)
        centre = tuple(int(x) for x in rng.integers(0, size, 2))
        cv2.circle(spot, centre, int(rng.uniform(1, 8)), (_color(rng) * 5).tolist(), -1, cv2.LINE_AA)
        picture += spot
    return picture
