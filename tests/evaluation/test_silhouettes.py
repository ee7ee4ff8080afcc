"""Silhouettes: squares with known overlaps, and slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation import silhouettes


def square(x, y, side=20, size=(60, 80)):
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def slow_boundary(mask):
    height, width = mask.shape
    edge = np.zeros(mask.shape, bool)
    for y in range(height):
        for x in range(width):
            others = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            edge[y, x] = any(mask[y, x] != mask[p] for p in others if p[0] < height and p[1] < width)
    return edge


def slow_f(a, b, tolerance):
    reach = np.ceil(tolerance * np.hypot(*a.shape))
    first, second = np.argwhere(slow_boundary(a)), np.argwhere(slow_boundary(b))

    def share(points, others):
        return np.mean([min(np.hypot(*(p - q)) for q in others) <= reach for p in points])

    precision, recall = share(first, second), share(second, first)
    return 2 * precision * recall / (precision + recall)


def test_iou_of_shifted_squares():
    assert silhouettes.silhouette_iou(square(10, 10), square(10, 10)) == 1
    assert silhouettes.silhouette_iou(square(10, 10), square(15, 10)) == pytest.approx(15 / 25)
    assert silhouettes.silhouette_iou(square(5, 5), square(40, 30)) == 0
    empty = np.zeros((60, 80), bool)
    assert silhouettes.silhouette_iou(empty, empty) == 1 and silhouettes.silhouette_iou(empty, square(5, 5)) == 0
    assert silhouettes.containment(square(10, 10), square(15, 10)) == pytest.approx(15 / 20)
    assert silhouettes.containment(square(12, 12, 5), square(10, 10)) == 1


def test_boundary_f_forgives_up_to_the_tolerance():
    # The diagonal is 100 pixels: 0.03 allows 3.
    assert silhouettes.boundary_f(square(10, 10), square(13, 10), 0.03) == 1
    assert silhouettes.boundary_f(square(10, 10), square(14, 10), 0.03) < 1
    assert silhouettes.boundary_f(square(5, 5), square(50, 35), 0.03) == 0
    empty = np.zeros((60, 80), bool)
    assert silhouettes.boundary_f(empty, empty) == 1 and silhouettes.boundary_f(empty, square(5, 5)) == 0


def test_boundary_f_matches_loops():
    random = np.random.default_rng(0)
    for tolerance in (0.0, 0.02, 0.05):
        a, b = (np.kron(random.random((6, 7)) > 0.5, np.ones((5, 5))).astype(bool) for _ in range(2))
        assert np.array_equal(silhouettes.boundary(a), slow_boundary(a))
        assert silhouettes.boundary_f(a, b, tolerance) == pytest.approx(slow_f(a, b, tolerance))
        assert silhouettes.boundary_f(b, a, tolerance) == silhouettes.boundary_f(a, b, tolerance)


def test_bad_masks_are_named():
    mask = square(5, 5)
    with pytest.raises(BadInput, match="two bool masks"):
        silhouettes.silhouette_iou(mask, mask.astype(float))
    with pytest.raises(BadInput, match="of one size"):
        silhouettes.boundary_f(mask, mask[:-1])
    with pytest.raises(BadInput, match="share of the image diagonal"):
        silhouettes.boundary_f(mask, mask, 8)
