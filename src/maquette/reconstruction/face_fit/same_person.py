"""Whether several photos show one person: how well each fits the identity that the others speak for.

What a photo says of the identity, pose and expression left free, is a Gaussian. Two photos of one person share the
identity, two people's do not: the logarithm of the ratio of both hypotheses (as in Prince and Elder 2007, PLDA, with
the head model's prior) is positive where they agree. Fits know shapes alone, so lookalikes pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.reconstruction.face_fit.solve import prior_equations, seen_equations
from maquette.reconstruction.face_fit.state import POSE, FaceView
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

TRUST = 0.6  # share of a photo's information that survives what the noise model does not know (light, hair, lenses)
USUAL_EXPRESSION = 2.0  # sum of the units' weights; no model has all of a stronger one, whose rest looks like identity
SOMEONE_ELSE = -0.5  # agreement from which on a photo may show somebody else; measured, see CARD.md


@dataclass(frozen=True, eq=False)
class IdentityEvidence:
    """What one photo says of the identity alone: the likelihood exp(vector'z - z'information z / 2) of weights z.

    Attributes:
        information: (K, K) symmetric.
        vector: (K,).
    """

    information: NDArray
    vector: NDArray

    def __add__(self, other: IdentityEvidence) -> IdentityEvidence:
        return IdentityEvidence(self.information + other.information, self.vector + other.vector)


def identity_evidence(
    term: LandmarkTerm, view: FaceView, observation: Observation, identity: NDArray
) -> IdentityEvidence:
    """The evidence of one photo where its fit alone has ended; pose and expression are eliminated.

    Args:
        view, identity: (K,) of the fit to this photo alone.
    """
    K = len(identity)
    shape = np.concatenate([identity, view.expression])
    part = seen_equations(term, view, observation, shape) + prior_equations(view, K)
    push = part.vector[POSE + K :]
    held = ((view.expression <= 1e-6) & (push < 0)) | ((view.expression >= 1 - 1e-6) & (push > 0))
    own = np.concatenate([np.arange(POSE), POSE + K + np.flatnonzero(~held)])
    shared = np.arange(POSE, POSE + K)
    across = part.matrix[np.ix_(own, shared)]
    inner = part.matrix[np.ix_(own, own)] + 1e-9 * np.eye(len(own))
    solved = np.linalg.solve(inner, np.column_stack([across, part.vector[own]]))
    information = part.matrix[np.ix_(shared, shared)] - across.T @ solved[:, :-1]
    vector = part.vector[shared] - across.T @ solved[:, -1] + information @ identity
    trust = TRUST / max(1.0, float(view.expression.sum()) / USUAL_EXPRESSION)
    return IdentityEvidence(trust * (information + information.T) / 2, trust * vector)


def agreement(one: IdentityEvidence, other: IdentityEvidence) -> float:
    """How well two pieces of evidence fit one identity, in standard deviations: about 0 or more for one person.

    The quadratic part of the log-likelihood ratio, whose mean is 0 for one person and negative for two, over the root
    of its constant part, the mutual information.
    """
    joint = one + other
    information = 0.5 * (_log_determinant(one) + _log_determinant(other) - _log_determinant(joint))
    gain = 0.5 * (_explained(joint) - _explained(one) - _explained(other))
    return float(gain / np.sqrt(max(information, 1e-6)))


def agreements(evidence: Sequence[IdentityEvidence]) -> list[float]:
    """Of each of two or more photos with the others.

    A photo that does not agree with the others is left out, and those that remain are judged without it.
    """
    found = [0.0] * len(evidence)
    left = list(range(len(evidence)))
    while len(left) > 1:
        for index in left:
            rest = [evidence[k] for k in left if k != index]
            found[index] = agreement(evidence[index], sum(rest[1:], rest[0]))
        worst = min(left, key=lambda index: found[index])
        if found[worst] >= SOMEONE_ELSE:
            break
        left.remove(worst)
    return found


def _log_determinant(evidence: IdentityEvidence) -> float:
    return float(np.linalg.slogdet(np.eye(len(evidence.vector)) + evidence.information)[1])


def _explained(evidence: IdentityEvidence) -> float:
    posterior = np.eye(len(evidence.vector)) + evidence.information
    return float(evidence.vector @ np.linalg.solve(posterior, evidence.vector))
