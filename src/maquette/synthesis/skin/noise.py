"""Random fields on the head that show no chart borders: noise volumes looked up at the surface's places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

VOLUME_SIDE = 48  # voxels; the volume repeats
VOXELS_PER_WAVE = 4.0  # of a volume smoothed with SMOOTHING voxels
SMOOTHING = 0.8
BLOCK = 8192  # columns of a product that stay in the cache

# name: (wavelengths along x, y, z in metres, how many independent fields)
OCTAVES: dict[str, tuple[tuple[float, float, float], int]] = {
    "broad": ((0.070, 0.070, 0.070), 4),
    "patch": ((0.026, 0.026, 0.026), 4),
    "blotch": ((0.011, 0.011, 0.011), 3),
    "mottle": ((0.0050, 0.0050, 0.0050), 3),
    "grain": ((0.0022, 0.0022, 0.0022), 3),
    "level": ((0.045, 0.0045, 0.045), 2),  # long in x: fine lines of foreheads and necks
    "upright": ((0.0026, 0.030, 0.030), 2),  # long in y: lips
}


def noise_fields(place: NDArray, wavelengths: tuple[float, float, float], count: int, seed: int) -> NDArray:
    """(count, ...) float32 unit Gaussian fields at places (..., 3) metres; the same for the same seed."""
    rng = np.random.default_rng(seed)
    even = len(set(wavelengths)) == 1
    flat = place.reshape(-1, 3).astype(np.float64)
    fields = []
    for _ in range(count):
        volume = gaussian_filter(rng.standard_normal((VOLUME_SIDE,) * 3).astype(np.float32), SMOOTHING, mode="wrap")
        volume /= volume.std()
        # A volume's axes must not show; a direction that is meant stays.
        turned = flat @ Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix() if even else flat
        index = turned / wavelengths * VOXELS_PER_WAVE + rng.uniform(0, VOLUME_SIDE, 3)
        field = map_coordinates(volume, index.T, order=1, mode="grid-wrap")
        fields.append((field / max(float(field.std()), 0.3)).reshape(place.shape[:-1]))
    return np.stack(fields).astype(np.float32)


def noise_bank(place: NDArray) -> dict[str, NDArray]:
    """Per octave (n, R, S) float32 fields at places (R, S, 3)."""
    return {name: noise_fields(place, waves, count, 7 + k) for k, (name, (waves, count)) in enumerate(OCTAVES.items())}


def direction(rng: np.random.Generator, count: int) -> NDArray:
    """(count,) unit vector: independent unit fields mixed with it are again a unit Gaussian field, a new one."""
    vector = rng.standard_normal(count)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def mixed(weights: NDArray, fields: NDArray) -> NDArray:
    """(m, N) float32: weights (m, n) @ fields (n, N), block by block: ten times faster than at once for few rows."""
    made = np.empty((len(weights), fields.shape[1]), np.float32)
    for start in range(0, fields.shape[1], BLOCK):
        np.matmul(weights, fields[:, start : start + BLOCK], out=made[:, start : start + BLOCK])
    return made
