"""Closing a rim by the triangles with the shortest edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 800  # corners that are weighed one by one; of longer rims every second, third ... is


def shortest_edges(points: NDArray) -> NDArray:
    """(R - 2, 3) triangles that close a rim (R, 3), the sum of their edges' lengths as small as it can be.

    Minimum weight triangulation by dynamic programming (Gilbert 1979, Klincsek 1980), each edge weighed by its length.
    Of a rim longer than MOST corners only some are corners of it; the others lie between two of them.

    Args:
        points: (R, 3) in the order in which the triangles shall run.
    """
    step = -(-len(points) // MOST)
    chosen = np.arange(0, len(points), step)
    ears = [(a + k, a + k + 1, b) for a, b in zip(chosen, np.append(chosen[1:], len(points)))
            for k in range(min(b, len(points)) - a - 1)]  # fmt: skip
    inner = chosen[_best(points[chosen].astype(float))] if len(chosen) > 2 else np.zeros((0, 3), int)
    out: NDArray = np.concatenate([np.array(ears, int).reshape(-1, 3) % len(points), inner])
    return out


def _best(points: NDArray) -> NDArray:
    """(n - 2, 3) of a rim of n corners."""
    count = len(points)
    length = np.linalg.norm(points[:, None] - points, axis=2)
    cost, middle = np.zeros((count, count)), np.zeros((count, count), int)
    for gap in range(2, count):
        for first in range(count - gap):
            last = first + gap
            ways = cost[first, first + 1 : last] + cost[last, first + 1 : last]
            best = int(ways.argmin())
            middle[first, last] = first + 1 + best
            cost[first, last] = cost[last, first] = ways[best] + length[first, last]
    faces, open_pairs = [], [(0, count - 1)]
    while open_pairs:
        first, last = open_pairs.pop()
        if last - first < 2:
            continue
        between = int(middle[first, last])
        faces.append((first, between, last))
        open_pairs += [(first, between), (between, last)]
    return np.array(faces, int)
