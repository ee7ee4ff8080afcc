"""Linear regression with a penalty, in closed form, the penalty chosen by cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PENALTIES = tuple(10.0**power for power in range(-4, 3))
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Ridge:
    """values = (inputs - middle) @ weights + mean.

    Attributes:
        middle: (P,) of the inputs. weights: (P, Q). mean: (Q,) of the values.
        penalty: that was chosen, in units of the inputs' mean variance.
        error: mean squared error of the values that were left out.
    """

    middle: NDArray
    weights: NDArray
    mean: NDArray
    penalty: float
    error: float

    def __call__(self, inputs: NDArray) -> NDArray:
        """(..., Q) values of inputs (..., P)."""
        return (inputs - self.middle) @ self.weights + self.mean


def ridge_regression(inputs: NDArray, values: NDArray, groups: NDArray | None = None) -> Ridge:
    """W = (Z'Z + n penalty I)^-1 Z'B on centred rows, the penalty with the least error on left-out fifths.

    Args:
        inputs: (n, P). values: (n, Q).
        groups: (n,) whole numbers; rows of one group are left out together. None: each row by itself.
    """
    groups = np.arange(len(inputs)) if groups is None else groups
    names = np.unique(groups)
    fold = np.random.default_rng(0).permutation(len(names)) % FOLDS
    left_out = fold[np.searchsorted(names, groups)]
    scale = float(inputs.var(axis=0).mean())
    errors = []
    for penalty in PENALTIES:
        squares = 0.0
        for k in range(FOLDS):
            kept, out = left_out != k, left_out == k
            made = _solved(inputs[kept], values[kept], penalty * scale)
            squares += float(((made(inputs[out]) - values[out]) ** 2).sum())
        errors.append(squares / values.size)
    best = int(np.argmin(errors))
    made = _solved(inputs, values, PENALTIES[best] * scale)
    return Ridge(made.middle, made.weights, made.mean, PENALTIES[best], errors[best])


def _solved(inputs: NDArray, values: NDArray, penalty: float) -> Ridge:
    middle, mean = inputs.mean(axis=0), values.mean(axis=0)
    rows = inputs - middle
    normal = rows.T @ rows + len(rows) * penalty * np.eye(rows.shape[1])
    return Ridge(middle, np.linalg.solve(normal, rows.T @ (values - mean)), mean, penalty, 0.0)
