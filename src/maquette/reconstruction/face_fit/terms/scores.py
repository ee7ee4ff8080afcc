"""The second opinion on the expression: the scores of a network that reads nothing but the landmarks.

Learned apart from the model, it knows brows, gaze and smiles better than the fit, which trades them for the shape of
the face; cheeks and sneers it does not see (tools/calibrate_expression.py).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.perception.models.results import BLENDSHAPES
from maquette.reconstruction.face_fit.equations import NormalEquations
from maquette.reconstruction.face_fit.state import POSE

GAP = 1.5  # how much larger its errors are taken to be on photographs than on renders


@lru_cache(maxsize=4)
def places(names: tuple[str, ...]) -> NDArray:
    """(E,) the score of each expression unit, -1 where there is none."""
    return np.array([BLENDSHAPES.index(name) if name in BLENDSHAPES else -1 for name in names])


def score_equations(
    scores: NDArray, learned: NDArray, names: tuple[str, ...], expression: NDArray, modes: int
) -> NormalEquations:
    """What the scores say of the expression units, beside pose and `modes` identity weights.

    Args:
        scores: (52,) in 0-1.
        learned: (E, 3) per unit: weight = slope x score + offset, and the standard deviation around it; inf is silent.
        names: of the units.
        expression: (E,) weights where the fit stands.
    """
    index = places(names)
    wanted = np.clip(learned[:, 0] * np.where(index >= 0, scores[index], 0.0) + learned[:, 1], 0, 1)
    information = np.where(index >= 0, (GAP * learned[:, 2]) ** -2.0, 0.0)
    start = POSE + modes
    matrix = np.zeros((start + len(expression),) * 2)
    vector = np.zeros(len(matrix))
    matrix[start:, start:] = np.diag(information)
    vector[start:] = information * (wanted - expression)
    return NormalEquations(matrix, vector)
