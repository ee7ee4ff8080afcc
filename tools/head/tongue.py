"""The tongue: low behind the lower teeth, and out over the lip in tongueOut."""

from __future__ import annotations

import numpy as np

FLATTER = 0.70  # of the height over its tip: as modelled its back hides the throat
LOWER_M = np.array([0.0, -0.0085, -0.002])  # it lies on the mouth's floor
OUT_M = 0.036  # forwards, of the tip; a third of it at the root
LIFT_M, DROP_M = 0.016, 0.012  # upwards over teeth and lip, more towards the tip, which bends down again
THINNER = 0.45  # of the height over its middle, at the tip: it passes between teeth


def shaped(given: np.ndarray) -> np.ndarray:
    """(N, 3) metres, its places on the mean head from those that were modelled."""
    tip = given[given[:, 2].argmax(), 1]
    return np.stack([given[:, 0], tip + FLATTER * (given[:, 1] - tip), given[:, 2]], axis=1) + LOWER_M


def out(mean: np.ndarray, tongue: np.ndarray) -> np.ndarray:
    """(V, 3) metres: it slides forward over the lower teeth, the tip farthest. tongue: its vertices."""
    _, y, z = mean[tongue].T
    share = (z - z.min()) / np.ptp(z)
    bands = np.linspace(0, 1, 8)
    near = np.abs(share - bands[:, None]) < 0.12
    middle = np.interp(share, bands, [(y[k].min() + y[k].max()) / 2 for k in near])
    moved = np.zeros_like(mean)
    moved[tongue, 1] = LIFT_M * share - DROP_M * share**10 - THINNER * share**2 * (y - middle)
    moved[tongue, 2] = OUT_M * (0.35 + 0.65 * share)
    return moved
