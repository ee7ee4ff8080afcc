"""Landmark error of 68 points: NME by three normalisers, yaw bins, AUC, failure rate, cumulative curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

OUTER_EYES = (36, 45)  # outer corners of the eyes in the 68 points of iBUG, from 0
AUC_REACH = 0.07  # NME at which the area under the curve ends (Bulat and Tzimiropoulos 2017)
FAILURE = 0.10  # NME above which an image counts as failed


def box_size(points: NDArray) -> float:
    """sqrt(width * height) of the points' bounding box, the normaliser of AFLW2000-3D (Zhu et al. 2016)."""
    width, height = np.ptp(points[:, 0]), np.ptp(points[:, 1])
    return float(np.sqrt(width * height))


def interocular(points: NDArray) -> float:
    """Distance of the outer eye corners in the picture, the normaliser of 300W (Sagonas et al. 2013)."""
    return float(np.linalg.norm(points[OUTER_EYES[0], :2] - points[OUTER_EYES[1], :2]))


def interocular_3d(points: NDArray) -> float:
    """Distance of the outer eye corners in space (Jackson et al. 2017); it does not shrink with yaw."""
    return float(np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]]))


NORMALISERS = {"box": box_size, "interocular": interocular, "interocular 3D": interocular_3d}


def nme(prediction: NDArray, truth: NDArray, normaliser: str = "box", name: str = "landmarks") -> float:
    """Normalised mean error: mean distance of corresponding points over the truth's size.

    Args:
        prediction, truth: (N, 2) or (N, 3) pixels. For 3, both depths are first moved to mean 0: a picture fixes no
            origin of depth.
        normaliser: a key of `NORMALISERS`.

    Raises:
        BadInput: different counts, NaN, a truth without size.
    """
    prediction, truth = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if prediction.shape != truth.shape:
        raise BadInput(f"{name}: wanted {truth.shape} landmarks as the truth has, got {prediction.shape}")
    if not np.isfinite(prediction).all():
        raise BadInput(f"{name}: predicted landmarks hold NaN or infinity, wanted finite ones")
    if not np.isfinite(truth).all():
        raise BadInput(f"{name}: true landmarks hold NaN or infinity, wanted finite ones")
    size = NORMALISERS[normaliser](truth)
    if not size > 0:
        raise BadInput(f"{name}: the true landmarks have no extent, so nothing to divide by")
    gap = prediction - truth
    if gap.shape[1] == 3:
        gap = gap - [0, 0, gap[:, 2].mean()]
    return float(np.linalg.norm(gap, axis=1).mean() / size)


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


def auc(errors: NDArray, reach: float = AUC_REACH) -> float:
    """Area under the cumulative curve from 0 to `reach`, as a share of the rectangle; exact, not binned.

    Example:
        >>> auc(np.array([0.0, 0.035, 0.2]))
        0.5
    """
    errors = np.asarray(errors, float)
    return float(np.maximum(0.0, 1.0 - errors / reach).mean())


def failure_rate(errors: NDArray, limit: float = FAILURE) -> float:
    """Share of images above the limit; images without a prediction are given as infinity."""
    return float((np.asarray(errors, float) > limit).mean())


def summary(errors: NDArray) -> Mapping[str, float | None]:
    """n, mean and median NME % over those found, AUC and failures % over all.

    Args:
        errors: (n,) NME; infinity where nothing was predicted.
    """
    errors = np.asarray(errors, float)
    found = errors[np.isfinite(errors)]
    return {
        "n": len(errors),
        "found": len(found),
        "NME %": 100 * float(found.mean()) if len(found) else None,
        "median %": 100 * float(np.median(found)) if len(found) else None,
        "AUC": auc(errors),
        "failures %": 100 * failure_rate(errors),
    }
