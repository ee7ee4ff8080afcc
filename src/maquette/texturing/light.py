"""Several photos of one subject brought to one light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GAIN_PRIOR = 0.02  # pull of each gain to one, as share of the overlap
SHARPNESS = 6  # power of the trust by which photos compete for detail


def gains(colours: Sequence[NDArray], trust: Sequence[NDArray], alike: Sequence[NDArray] | None = None) -> NDArray:
    """(N, 3) factors that make N photos agree where they overlap; their geometric mean is one.

    Least squares on the mean log colours of each pair's overlap (Brown and Lowe 2007).

    Args:
        colours: (..., 3) float32 8-bit sRGB per photo, of the same points.
        trust: (...) 0-1 per photo: how far each point is seen.
        alike: (...) 0-1 per photo: how far the point is something whose colour is the same in all; None: everywhere.
    """
    count = len(colours)
    system, right = np.zeros((count, count)), np.zeros((count, 3))
    logs = [np.log(colour + 8.0) for colour in colours]
    over = tuple(range(trust[0].ndim)) if count else ()
    total = 1e-9
    for i in range(count):
        for j in range(i + 1, count):
            weight = trust[i] * trust[j]
            if alike is not None:
                weight = weight * (alike[i] * alike[j])
            area = float(weight.sum())
            if area < 1:
                continue
            difference = (weight[..., None] * (logs[i] - logs[j])).sum(axis=over) / area
            system[[i, j], [i, j]] += area
            system[[i, j], [j, i]] -= area
            right[i] -= area * difference
            right[j] += area * difference
            total += area
    found = np.linalg.solve(system + GAIN_PRIOR * total * np.eye(count), right)
    return np.exp(found - found.mean(axis=0))
