"""Closing a rim by the triangles with the shortest edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TAKEN = 1e6  # cost of an edge where there is one
MOST = 800  # corners that are weighed one by one; of longer rims every second, third ... is


def shortest_edges(points: NDArray, taken: NDArray | None = None) -> NDArray:
    """(R - 2, 3) triangles that close a rim (R, 3), the sum of their edges' lengths as small as it can be.

    Minimum weight triangulation by dynamic programming (Gilbert 1979, Klincsek 1980), each edge weighed by its length.
    Of a rim longer than MOST corners only some are corners of it; the others lie between two of them.

    Args:
        points: (R, 3) in the order in which the triangles shall run.
        taken: (R, R) bool, which corners an edge joins already: no other is made there if that can be avoided.
    """
    step = -(-len(points) // MOST)
    chosen = np.arange(0, len(points), step)
    ears = [(a + k, a + k + 1, b) for a, b in zip(chosen, np.append(chosen[1:], len(points)))
            for k in range(min(b, len(points)) - a - 1)]  # fmt: skip
    length = np.linalg.norm(points[chosen, None].astype(float) - points[chosen], axis=2)
    if taken is not None:
        length[taken[np.ix_(chosen, chosen)]] += TAKEN
    inner = chosen[_best(length)]
    out: NDArray = np.concatenate([np.array(ears, int).reshape(-1, 3) % len(points), inner])
    return out


def _best(length: NDArray) -> NDArray:
    """(n - 2, 3) of a rim of n corners, of the lengths (n, n) of what may be edges."""
    count = len(length)
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
    return np.array(faces, int).reshape(-1, 3)
