"""Rims are closed by the shortest edges, all of them, and no edge is made twice."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from maquette.geometry.surfaces.clean import is_closed
from maquette.geometry.surfaces.loops import MOST, shortest_edges


def length_of(points, faces) -> float:
    """The sum of the lengths of all edges of some triangles, each once."""
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    return float(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1).sum())


@cache
def all_ways(first: int, last: int) -> list[tuple[tuple[int, int, int], ...]]:
    """All triangulations of the corners from `first` to `last`."""
    if last - first < 2:
        return [()]
    return [
        (*left, *right, (first, middle, last))
        for middle in range(first + 1, last)
        for left in all_ways(first, middle)
        for right in all_ways(middle, last)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_no_other_triangles_have_shorter_edges(seed):
    points = np.random.default_rng(seed).normal(size=(8, 3))
    best = min(length_of(points, np.array(way)) for way in all_ways(0, 7))
    assert length_of(points, shortest_edges(points)) == pytest.approx(best)


@pytest.mark.parametrize("count", [3, 40, MOST + 1, 2 * MOST + 7])
def test_a_rim_is_closed(count):
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack([np.cos(turn), 0.1 * np.sin(turn), 0.02 * np.sin(5 * turn)], axis=1)
    faces = shortest_edges(points)
    assert faces.shape == (count - 2, 3)
    cone = np.stack([np.full(count, count), np.roll(np.arange(count), -1), np.arange(count)], axis=1)
    assert is_closed(np.concatenate([faces, cone]))


def test_an_edge_that_is_there_is_not_made_again():
    square = np.array([[0, 0, 0], [1, 0, 0], [1.2, 1.2, 0], [0, 1, 0.0]])
    taken = np.zeros((4, 4), bool)
    assert {tuple(sorted(face)) for face in shortest_edges(square).tolist()} == {(0, 1, 3), (1, 2, 3)}
    taken[1, 3] = taken[3, 1] = True
    assert {tuple(sorted(face)) for face in shortest_edges(square, taken).tolist()} == {(0, 1, 2), (0, 2, 3)}
