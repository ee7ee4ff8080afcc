"""Silhouettes against masks: overlap, boundaries, containment."""

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
    return float(np.count_nonzero(mask_a & mask_b) / union) if union else 1.0


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


def _masks(mask_a: NDArray, mask_b: NDArray) -> None:
    if mask_a.dtype != bool or mask_b.dtype != bool or mask_a.shape != mask_b.shape or mask_a.ndim != 2:
        given = f"{mask_a.dtype} {mask_a.shape} and {mask_b.dtype} {mask_b.shape}"
        raise BadInput(f"masks: wanted two bool masks (H, W) of one size, got {given}")


def _matched(edge: NDArray, other: NDArray, reach: float) -> float:
    """Share of the boundary pixels of `edge` within `reach` pixels of `other`."""
    from scipy.ndimage import distance_transform_edt

    return float(np.mean(distance_transform_edt(~other)[edge] <= reach))
