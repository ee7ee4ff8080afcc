"""How a rigged body moves: its turns and steps over time, as files of motion want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Motion:
    """The poses of one rigged body; see `morphable.rig.Rig.transforms` for what a turn means.

    Attributes:
        times: (N,) seconds, rising; a single zero for a photo.
        rotations: (N, B, 4) float64 unit quaternions wxyz; neighbours in time lie on one half of the sphere.
        translation: (N, 3) float64 metres.
        expression: (N, E) weights.
    """

    times: NDArray
    rotations: NDArray
    translation: NDArray
    expression: NDArray

    def __len__(self) -> int:
        return len(self.times)


def unit(quaternions: NDArray) -> NDArray:
    """(N, B, 4) float64: of length one, each as near as may be to the one before it in time (q and -q turn alike)."""
    turns = np.asarray(quaternions, float)
    turns = turns / np.linalg.norm(turns, axis=-1, keepdims=True)
    signs = np.where(np.sum(turns[1:] * turns[:-1], axis=-1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(signs, axis=0)[..., None]
    return turns


def matrices(quaternions: NDArray) -> NDArray:
    """(..., 3, 3) rotations of (..., 4) quaternions wxyz of any length but zero."""
    turns = np.asarray(quaternions, float)
    w, x, y, z = np.moveaxis(turns / np.linalg.norm(turns, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def blended(a: NDArray, b: NDArray, share: NDArray) -> NDArray:
    """(..., 4) quaternions on the arc from a to b at `share` in 0-1 (Shoemake 1985); a and b on one half-sphere."""
    cosine = np.clip(np.sum(a * b, axis=-1, keepdims=True), -1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1 - share, np.sin((1 - share) * angle) / safe)
    second = np.where(near, share, np.sin(share * angle) / safe)
    turns = first * a + second * b
    return turns / np.linalg.norm(turns, axis=-1, keepdims=True)


def evenly(motion: Motion) -> tuple[Motion, float]:
    """The same motion, as many frames at even steps between its first and last moment.

    Returns:
        motion: turns on the arc between neighbours, steps on the line between them.
        step: seconds, the mean distance of the given frames.
    """
    times = motion.times
    step = float((times[-1] - times[0]) / (len(times) - 1))
    even = times[0] + step * np.arange(len(times))
    before = np.clip(np.searchsorted(times, even, side="right") - 1, 0, len(times) - 2)
    share = np.clip((even - times[before]) / (times[before + 1] - times[before]), 0, 1)[:, None]

    def between(values: NDArray) -> NDArray:
        return (1 - share) * values[before] + share * values[before + 1]

    turns = blended(motion.rotations[before], motion.rotations[before + 1], share[..., None])
    return Motion(even, turns, between(motion.translation), between(motion.expression)), step
