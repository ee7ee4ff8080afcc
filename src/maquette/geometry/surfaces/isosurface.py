"""From a grid of values to the surface between high and low ones.

Index coordinates: voxel (i, j, k) is centred on (i, j, k). The solid is where the field is above the level. Faces are
anticlockwise seen from the side of lower values, in the right-handed frame of the three indices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

MOST_VOXELS = 512**3  # 0.5 GB as float32; a larger grid is refused before anything is allocated
SMALLEST_PROBABILITY = 1e-4  # surer than this counts as this sure: a logit of 9.2
NEAREST = 1e-4  # of the largest value: nearer to the level, triangles would collapse in single precision
TIE = 1e-3  # outside counts this much more, so that a hard 0-1 field has no undecided saddle between four voxels
TRIM = 0.05  # thresholds below and above which the front does not count: faint haze before the solid


def logits_of(probabilities: NDArray) -> NDArray:
    """float32 log-odds of probabilities, at most 9.2 in size.

    Example:
        >>> logits_of(np.array([0.5, 1.0])).round(2)
        array([0.  , 9.21], dtype=float32)
    """
    p = np.clip(np.asarray(probabilities, np.float32), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.log(p / (1 - p))


def marching_cubes(field: NDArray, level: float = 0.0, closed: bool = True) -> tuple[NDArray, NDArray]:
    """The surface where a field passes its level, between the voxels (Lewiner et al. 2003).

    Args:
        field: (X, Y, Z) numbers, higher inside; logits give a smoother surface than probabilities.
        level: the value at the surface.
        closed: whether a solid that reaches the grid's border is closed there, half a voxel outside.

    Returns:
        vertices: (V, 3) float64, index coordinates.
        faces: (F, 3) int64. Closed, every edge has two of them. Both are empty where nothing passes the level.

    Raises:
        BadInput: the field is not three-dimensional, too large, or holds NaN or infinity.
    """
    check_grid("field", field)
    bounds = _bounds(field > level)
    nothing = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    if bounds is None:
        return nothing
    low, high = bounds
    start, end = np.maximum(low - 1, 0), np.minimum(high + 1, field.shape)
    block = field[tuple(slice(a, b) for a, b in zip(start, end))].astype(np.float32) - np.float32(level)
    if closed:
        margins = np.stack([low == 0, high == field.shape], axis=1).astype(int)
        block = _with_outside(block, margins)
        start = start - margins[:, 0]
    block = _decided(block)
    if min(block.shape) < 2 or block.max() <= 0 or block.min() >= 0:
        return nothing
    from skimage.measure import marching_cubes as lewiner

    vertices, faces, _, _ = lewiner(block, 0.0, allow_degenerate=False)
    return vertices.astype(float) + start, faces[:, ::-1].astype(np.int64)


def check_grid(name: str, field: NDArray) -> None:
    """Refuse what is no grid of finite numbers of a size that fits into memory; BadInput says why."""
    if field.ndim != 3 or 0 in field.shape:
        raise BadInput(f"{name}: wanted a grid of three axes, got shape {field.shape}")
    if field.size > MOST_VOXELS:
        raise BadInput(f"{name}: {field.shape} is {field.size:,} voxels: at most 512^3 are taken, use a coarser grid")
    if not np.isfinite(field).all():
        raise BadInput(f"{name}: holds NaN or infinity: there is no surface between such values")


def _bounds(solid: NDArray) -> tuple[NDArray, NDArray] | None:
    """First and behind-last index of the solid along each axis, (3,) int each; None without a solid."""
    found = [np.flatnonzero(solid.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    if len(found[0]) == 0:
        return None
    return np.array([f[0] for f in found]), np.array([f[-1] + 1 for f in found])


def _with_outside(block: NDArray, margins: NDArray) -> NDArray:
    """One layer more on the sides that margins (3, 2) names: as far outside as the border voxel is inside."""
    padded = np.pad(block, margins.tolist(), mode="edge")
    for axis in range(3):
        for side, place in ((0, 0), (1, -1)):
            if margins[axis, side]:
                layer = np.moveaxis(padded, axis, 0)[place]
                layer[...] = -np.abs(layer)
    return padded


def _decided(block: NDArray) -> NDArray:
    """The block without values at or next to zero and without ties."""
    least = np.float32(NEAREST * max(float(np.abs(block).max()), 1e-30))
    block = np.where(np.abs(block) < least, np.where(block > 0, least, -least), block)
    return np.where(block < 0, block * np.float32(1 + TIE), block)


def front_depth(logits: NDArray, axis: int = 2) -> NDArray:
    """Where the solid ends along an axis: the mean over all thresholds of the last occupied index, a soft-argmax.

    One threshold u is drawn for a whole column; the last index whose probability is above u is the front. Its mean is
    the sum of the running maximum of the probabilities from the front: below a voxel, differentiable, and without the
    bias outwards that independent voxels would have. On a flat front with a soft step it is where the logit is zero.

    Args:
        logits: (X, Y, Z), higher inside.
        axis: along which to look; the front is the end with the highest index.

    Returns:
        (the two other axes, in order) float32 index coordinates along the axis, as `marching_cubes` has them; NaN
        where no voxel of the column is solid.
    """
    check_grid("logits", logits)
    column = np.moveaxis(logits, axis, 0).astype(np.float32)[::-1]
    with np.errstate(over="ignore"):
        probability = 1 / (1 + np.exp(-np.maximum.accumulate(column, axis=0)))
    share = np.clip((probability - TRIM) / (1 - 2 * TRIM), 0, 1)
    return np.where(column.max(axis=0) > 0, share.sum(axis=0) - 0.5, np.nan).astype(np.float32)
