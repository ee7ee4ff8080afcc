"""How the albedo of skin differs from place to place, as a prior for the shading.

A Gaussian process on the average head (Rasmussen and Williams 2006, sections 2.2 and 8.1, by inducing points): relative
albedo changes smoothly, and both sides of a face share more of it than they differ in. A beard's shadow comes on top.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTH_M = 0.025  # length over which albedo is alike
SHARED, APART = 0.06, 0.03  # standard deviation of what both sides share, and of what they differ in
BEARD = 0.25  # of a beard's shadow
INDUCING = 60
NEGLIGIBLE = 1e-3  # of the largest variance
# Upper edge of a beard on one side of the average head, x and y in metres: philtrum, nose, cheek, sideburn.
BEARD_EDGE = np.array([[0.0, -0.05], [0.02, -0.055], [0.03, -0.064], [0.045, -0.055], [0.06, -0.02]])
BEARD_SOFT_M = 0.008


def albedo_basis(places: NDArray) -> NDArray:
    """(n, m) relative albedo per unit of m weights that are independent and standard normal a priori.

    Args:
        places: (n, 3) metres, skin of the average head.
    """
    centres = spread_points(places[places[:, 0] >= 0], INDUCING)
    smooth = [sigma * process(places, centres, sign) for sigma, sign in ((SHARED, 1), (APART, -1))]
    return np.concatenate([*smooth, BEARD * beard(places)[:, None]], axis=1)


def process(places: NDArray, centres: NDArray, sign: int) -> NDArray:
    """(n, m) so that its rows' products are the covariance of the places (n, 3).

    Args:
        centres: (c, 3) inducing points on the subject's left. sign: 1 of values that both sides share, -1 of opposite.
    """
    mirror = np.array([-1.0, 1.0, 1.0])
    across = kernel(places, centres) + sign * kernel(places * mirror, centres)
    inner = kernel(centres, centres) + sign * kernel(centres * mirror, centres)
    values, vectors = np.linalg.eigh(inner)
    kept = values > NEGLIGIBLE * values.max()
    basis: NDArray = across @ (vectors[:, kept] / np.sqrt(values[kept])) / np.sqrt(2)
    return basis


def kernel(a: NDArray, b: NDArray) -> NDArray:
    """(N, M) covariance of places (N, 3) and (M, 3)."""
    apart = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-0.5 * apart / SMOOTH_M**2))


def spread_points(places: NDArray, count: int) -> NDArray:
    """(count, 3) of the places (N, 3), each as far from the others as can be; all of them where they are fewer."""
    chosen = [int(np.argmax(places[:, 2]))]
    far = np.linalg.norm(places - places[chosen[0]], axis=1)
    while len(chosen) < min(count, len(places)):
        chosen.append(int(far.argmax()))
        far = np.minimum(far, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return np.asarray(places[chosen])


def beard(places: NDArray) -> NDArray:
    """(n,) in 0-1: where a beard grows."""
    edge = np.interp(np.abs(places[:, 0]), *BEARD_EDGE.T)
    return np.asarray(np.clip((edge - places[:, 1]) / BEARD_SOFT_M + 0.5, 0, 1))
