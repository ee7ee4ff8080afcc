"""A smooth warp of space that takes some points to given places: from the mean head to somebody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 1e-4  # metres, on the diagonal: how far the warp may miss what it is given


def similarity(source: NDArray, target: NDArray) -> tuple[NDArray, NDArray]:
    """The rotation with scale (3, 3) and step (3,) that take (N, 3) source points nearest to the targets.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, d, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    matrix = (u @ sign @ vt) * float((d * np.diag(sign)).sum() / (a**2).sum())
    return matrix, target.mean(axis=0) - matrix @ source.mean(axis=0)


def warp(source: NDArray, target: NDArray, points: NDArray) -> NDArray:
    """Points (M, 3) taken along as (N, 3) source points go to their targets, all in metres.

    A similarity, and what it leaves is spread by radial basis functions, the distance itself (linear, degree 0).
    """
    matrix, step = similarity(source, target)
    left = target - (source @ matrix.T + step)
    count = len(source)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = -_distances(source, source) + SMOOTHING * np.eye(count)
    system[count, count] = 0
    solved = np.linalg.solve(system, np.concatenate([left, np.zeros((1, 3))]))
    moved: NDArray = points @ matrix.T + step + solved[count] - _distances(points, source) @ solved[:count]
    return moved


def _distances(a: NDArray, b: NDArray) -> NDArray:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))
