"""The similarity or rigid motion that lays corresponding points onto each other: Procrustes in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

FLAT = 1e-9  # second over first extent of points: below, they lie on a line and fix no rotation


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale * rotation @ x + translation.

    Attributes:
        scale: positive; 1 for a rigid motion.
        rotation: (3, 3), determinant 1.
        translation: (3,).
    """

    scale: float
    rotation: NDArray
    translation: NDArray

    def apply(self, points: NDArray) -> NDArray:
        """(N, 3) moved points."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def after(self, first: Similarity) -> Similarity:
        """This one after another one."""
        translation = self.apply(first.translation[None])[0]
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, translation)

    def inverse(self) -> Similarity:
        """The way back."""
        turned = self.rotation.T
        return Similarity(1 / self.scale, turned, -turned @ self.translation / self.scale)


IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


def similarity(source: NDArray, target: NDArray, scale: bool = True, weights: NDArray | None = None) -> Similarity:
    """The least squares motion of corresponding points (Umeyama 1991, eq. 40-42; no reflection).

    Args:
        source, target: (N, 3), N >= 3, not all on a line.
        scale: True for a similarity, False for a rigid (metric) motion.
        weights: (N,) of the squared distances, not negative; None counts all alike.

    Raises:
        BadInput: different counts, NaN, or points that fix no rotation.

    Example:
        >>> corners = np.eye(3)
        >>> found = similarity(corners, 2 * corners + [0.0, 0.0, 1.0])
        >>> round(found.scale, 9), found.translation.round(9) + 0
        (2.0, array([0., 0., 1.]))
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if source.shape != target.shape or (weights is not None and np.shape(weights) != (len(source),)):
        counts = f"{len(source)} and {len(target)}" + ("" if weights is None else f", {np.size(weights)} weights")
        raise BadInput(f"alignment: wanted as many points on both sides, got {counts}")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise BadInput("alignment: points hold NaN or infinity, wanted finite ones")
    share = np.ones(len(source)) if weights is None else np.asarray(weights, np.float64)
    share = (share / max(share.sum(), 1e-300))[:, None]
    middle_source, middle_target = (share * source).sum(axis=0), (share * target).sum(axis=0)
    a, b = np.sqrt(share) * (source - middle_source), np.sqrt(share) * (target - middle_target)
    extents = [np.linalg.svd(side, compute_uv=False) if len(side) >= 3 else np.zeros(3) for side in (a, b)]
    if any(extent[1] <= FLAT * max(extent[0], 1e-300) for extent in extents):
        raise BadInput(f"alignment: {len(source)} points on a line or in one place fix no rotation: wanted more")
    U, D, Vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    rotation = (U * signs) @ Vt
    factor = float((D * signs).sum() / (a**2).sum()) if scale else 1.0
    return Similarity(factor, rotation, middle_target - factor * rotation @ middle_source)
