"""Linear least squares as the fit needs it: derivatives by the unknowns, and normal equations that add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Linearization:
    """A value and its derivatives.

    Attributes:
        value: (...).
        by_pose: (..., 7) by rotation vector, translation and log focal length of the view.
        by_shape: (..., P) by the shape weights, identity first.
    """

    value: NDArray
    by_pose: NDArray
    by_shape: NDArray

    def jacobian(self) -> NDArray:
        """(M, 7 + P), one row per number of the value."""
        return np.concatenate([self.by_pose, self.by_shape], axis=-1).reshape(self.value.size, -1)


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """`matrix @ step = vector` of one photo, over [pose (7), identity (K), expression (E)].

    Attributes:
        matrix: (7 + K + E, 7 + K + E) symmetric.
        vector: (7 + K + E,).
    """

    matrix: NDArray
    vector: NDArray

    @classmethod
    def nothing(cls, count: int) -> NormalEquations:
        """Equations of this many unknowns that say nothing."""
        return cls(np.zeros((count, count)), np.zeros(count))

    def padded(self, before: int, behind: int, place: int) -> NormalEquations:
        """The same with further unknowns, of which they say nothing, before and behind those from `place` on."""
        kept = len(self.vector)
        order = np.r_[:place, place + before : before + kept]
        wide = NormalEquations.nothing(before + kept + behind)
        wide.matrix[np.ix_(order, order)], wide.vector[order] = self.matrix, self.vector
        return wide

    def scaled(self, share: float) -> NormalEquations:
        """The same with `share` of their weight."""
        return NormalEquations(share * self.matrix, share * self.vector)

    def __add__(self, other: NormalEquations) -> NormalEquations:
        return NormalEquations(self.matrix + other.matrix, self.vector + other.vector)


def correlated_equations(jacobian: NDArray, residual: NDArray, factor: NDArray) -> NormalEquations:
    """Normal equations under the covariance 1 + factor factor', inverted by Woodbury's identity.

    Args:
        jacobian: (M, 7 + K + E) of the prediction and residual (M,), observed less predicted, both over their spread.
        factor: (M, R) over the spread too.
    """
    inner = np.linalg.cholesky(np.eye(factor.shape[1]) + factor.T @ factor)
    across = np.linalg.solve(inner, factor.T @ jacobian)
    along = np.linalg.solve(inner, factor.T @ residual)
    return NormalEquations(jacobian.T @ jacobian - across.T @ across, jacobian.T @ residual - across.T @ along)
