"""Measures in image space, on arrays, for any subject: silhouettes, boundaries, normals, points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

DAVIS_TOLERANCE = 0.008  # of the image diagonal, Perazzi et al. 2016


def silhouette_iou(mask_a: NDArray, mask_b: NDArray) -> float:
    """Intersection over union of two (H, W) bool masks; 1 if both are empty.

    Raises:
        BadInput: not bool, or different sizes.

    Example:
        >>> silhouette_iou(np.array([[True, True, False]]), np.array([[False, True, True]]))
        0.3333333333333333
    """
    _masks(mask_a, mask_b)
    union = np.count_nonzero(mask_a | mask_b)
    return np.count_nonzero(mask_a & mask_b) / union if union else 1.0


def boundary_f(mask_a: NDArray, mask_b: NDArray, tolerance: float = DAVIS_TOLERANCE) -> float:
    """Boundary measure F of DAVIS (Perazzi et al. 2016, A Benchmark Dataset and Evaluation Methodology for VOS, 4.2).

    A boundary pixel of one mask is matched if the other's boundary is at most ceil(tolerance x diagonal) pixels away;
    F is the harmonic mean of the shares matched on either side. It is 1 if neither mask has a boundary, 0 if one has.

    Args:
        mask_a, mask_b: (H, W) bool; the measure is symmetric.
        tolerance: share of the image diagonal, 0-1.

    Raises:
        BadInput: not bool, different sizes, tolerance out of range.
    """
    _masks(mask_a, mask_b)
    if not 0 <= tolerance <= 1:
        raise BadInput(f"tolerance: wanted a share of the image diagonal in 0-1, got {tolerance}")
    height, width = mask_a.shape
    reach = float(np.ceil(tolerance * np.hypot(height, width)))
    edge_a, edge_b = boundary(mask_a), boundary(mask_b)
    if not edge_a.any() or not edge_b.any():
        return float(edge_a.any() == edge_b.any())
    precision, recall = _matched(edge_a, edge_b, reach), _matched(edge_b, edge_a, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: NDArray) -> NDArray:
    """(H, W) bool: pixels that differ from their right, lower or lower right neighbour, as DAVIS draws boundaries."""
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def containment(inner: NDArray, outer: NDArray) -> float:
    """Share of the (H, W) bool mask `inner` that lies inside `outer`; 1 if `inner` is empty."""
    _masks(inner, outer)
    total = np.count_nonzero(inner)
    return np.count_nonzero(inner & outer) / total if total else 1.0


def normal_cosine(a: NDArray, b: NDArray, mask: NDArray) -> float:
    """Mean cosine between two normal maps over a mask; 1 is agreement.

    Args:
        a, b: (H, W, 3) float, any frame but the same; need not be unit.
        mask: (H, W) bool.

    Raises:
        BadInput: different sizes, an empty mask, NaN or a zero normal inside the mask.
    """
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or mask.shape != a.shape[:2]:
        raise BadInput(f"normals: wanted two (H, W, 3) maps and a (H, W) mask, got {a.shape}, {b.shape}, {mask.shape}")
    if not mask.any():
        raise BadInput("normals: the mask is empty, wanted at least one pixel")
    first, second = a[mask].astype(float), b[mask].astype(float)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise BadInput("normals: the mask holds NaN or zero normals; wanted a direction in each of its pixels")
    return float(np.mean(np.sum(first * second, axis=1) / lengths))


def reprojection(projected: NDArray, observed: NDArray, weights: NDArray | None = None) -> tuple[float, float]:
    """Mean distance between projected and observed points.

    Args:
        projected, observed: (N, 2) pixels.
        weights: (N,) not negative, or None for equal ones; 0 leaves a point out.

    Returns:
        pixels, and percent of the square root of width x height of the observed points' bounding box, the
        normalisation of AFLW2000-3D (Zhu et al. 2016).

    Raises:
        BadInput: different counts, NaN in a point that counts, nothing that counts, points without extent.

    Example:
        >>> reprojection(np.array([[3.0, 4.0], [10.0, 10.0]]), np.array([[0.0, 0.0], [10.0, 10.0]]))
        (2.5, 25.0)
    """
    weights = np.ones(len(observed)) if weights is None else np.asarray(weights, float)
    if projected.shape != observed.shape or observed.shape != (len(weights), 2):
        shapes = f"{projected.shape}, {observed.shape}, {weights.shape}"
        raise BadInput(f"reprojection: wanted as many projected and observed points (N, 2) and weights, got {shapes}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise BadInput("reprojection: wanted finite weights, none negative and some positive")
    used = weights > 0
    distance = np.linalg.norm(projected[used] - observed[used], axis=1)
    if not np.isfinite(distance).all():
        raise BadInput(f"reprojection: {np.count_nonzero(~np.isfinite(distance))} points are NaN or infinite")
    extent = float(np.sqrt(np.prod(np.ptp(observed[used], axis=0))))
    if not extent > 0:
        raise BadInput("reprojection: the observed points lie on one line, wanted points with width and height")
    mean = float(np.average(distance, weights=weights[used]))
    return mean, 100 * mean / extent


def _masks(mask_a: NDArray, mask_b: NDArray) -> None:
    if mask_a.dtype != bool or mask_b.dtype != bool or mask_a.shape != mask_b.shape or mask_a.ndim != 2:
        given = f"{mask_a.dtype} {mask_a.shape} and {mask_b.dtype} {mask_b.shape}"
        raise BadInput(f"masks: wanted two bool masks (H, W) of one size, got {given}")


def _matched(edge: NDArray, other: NDArray, reach: float) -> float:
    """Share of the boundary pixels of `edge` within `reach` pixels of `other`."""
    from scipy.ndimage import distance_transform_edt

    return float(np.mean(distance_transform_edt(~other)[edge] <= reach))
