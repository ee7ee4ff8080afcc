"""Measures in image space: masks with known answers and slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.image_space import measures


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
    assert measures.silhouette_iou(square(10, 10), square(10, 10)) == 1
    assert measures.silhouette_iou(square(10, 10), square(15, 10)) == pytest.approx(15 / 25)
    assert measures.silhouette_iou(square(5, 5), square(40, 30)) == 0
    empty = np.zeros((60, 80), bool)
    assert measures.silhouette_iou(empty, empty) == 1 and measures.silhouette_iou(empty, square(5, 5)) == 0
    assert measures.containment(square(10, 10), square(15, 10)) == pytest.approx(15 / 20)
    assert measures.containment(square(12, 12, 5), square(10, 10)) == 1


def test_boundary_f_forgives_up_to_the_tolerance():
    # The diagonal is 100 pixels: 0.03 allows 3.
    assert measures.boundary_f(square(10, 10), square(13, 10), 0.03) == 1
    assert measures.boundary_f(square(10, 10), square(14, 10), 0.03) < 1
    assert measures.boundary_f(square(5, 5), square(50, 35), 0.03) == 0
    empty = np.zeros((60, 80), bool)
    assert measures.boundary_f(empty, empty) == 1 and measures.boundary_f(empty, square(5, 5)) == 0


def test_boundary_f_matches_loops():
    random = np.random.default_rng(0)
    for tolerance in (0.0, 0.02, 0.05):
        a, b = (np.kron(random.random((6, 7)) > 0.5, np.ones((5, 5))).astype(bool) for _ in range(2))
        assert np.array_equal(measures.boundary(a), slow_boundary(a))
        assert measures.boundary_f(a, b, tolerance) == pytest.approx(slow_f(a, b, tolerance))
        assert measures.boundary_f(b, a, tolerance) == measures.boundary_f(a, b, tolerance)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_cosine_of_turned_normals(degrees):
    angle = np.radians(degrees)
    a, b = np.zeros((4, 5, 3)), np.zeros((4, 5, 3))
    a[..., 2] = 2.0  # length does not matter
    b[..., 0], b[..., 2] = np.sin(angle), np.cos(angle)
    mask = np.ones((4, 5), bool)
    mask[0] = False
    b[0] = np.nan  # outside
    assert measures.normal_cosine(a, b, mask) == pytest.approx(np.cos(angle))


def test_reprojection_of_a_shift():
    observed = np.random.default_rng(1).uniform(0, 100, (30, 2))
    observed[:2] = [[0, 0], [100, 25]]
    observed[2:, 1] /= 4
    pixels, percent = measures.reprojection(observed + np.array([3, 4]), observed)
    assert (pixels, percent) == pytest.approx((5, 10))  # sqrt(100 x 25) = 50
    moved = observed + np.array([3, 4])
    moved[5] = np.nan
    weights = np.ones(30)
    weights[5] = 0
    assert measures.reprojection(moved, observed, weights)[0] == pytest.approx(5)


def test_bad_arrays_are_named():
    mask, points = square(5, 5), np.random.default_rng(2).random((4, 2))
    with pytest.raises(BadInput, match="two bool masks"):
        measures.silhouette_iou(mask, mask.astype(float))
    with pytest.raises(BadInput, match="two bool masks"):
        measures.boundary_f(mask, mask[:-1])
    with pytest.raises(BadInput, match="in 0-1, got 8"):
        measures.boundary_f(mask, mask, 8)
    normals = np.ones((60, 80, 3))
    with pytest.raises(BadInput, match="mask is empty"):
        measures.normal_cosine(normals, normals, np.zeros_like(mask))
    with pytest.raises(BadInput, match="NaN or zero"):
        measures.normal_cosine(normals, 0 * normals, mask)
    with pytest.raises(BadInput, match="as many projected"):
        measures.reprojection(points, points[:3])
    with pytest.raises(BadInput, match="1 points are NaN"):
        measures.reprojection(np.where(np.arange(8).reshape(4, 2) == 3, np.nan, points), points)
    with pytest.raises(BadInput, match="some positive"):
        measures.reprojection(points, points, np.zeros(4))
    with pytest.raises(BadInput, match="on one line"):
        measures.reprojection(points, 0 * points)
