"""Gauss-Newton over all photos at once: shared identity, own pose and expression, bounded expression weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.reconstruction.face_fit.landmarks import LandmarkTerm
from maquette.reconstruction.face_fit.reading import equations as read_equations
from maquette.reconstruction.face_fit.state import POSE, FaceView, view_prior

EXPRESSION_SIGMA = 0.35  # spread of the expression weights; most are zero in most photos
EXPRESSION_RATE = 4.0  # exponential part of their prior: a unit must earn its weight


class Term(Protocol):
    """What beside the landmarks tells of the shape, e.g. the shading."""

    def equations(self, index: int, view: FaceView, shape: NDArray) -> tuple[NDArray, NDArray]:
        """Normal matrix and vector over [pose (7), identity, expression] for the photo of this index."""
        ...


@dataclass(frozen=True, eq=False)
class SumOfTerms:
    """Several terms as one."""

    terms: tuple[Term, ...]

    def equations(self, index: int, view: FaceView, shape: NDArray) -> tuple[NDArray, NDArray]:
        """The sum of the terms' equations."""
        parts = [term.equations(index, view, shape) for term in self.terms]
        return sum(matrix for matrix, _ in parts), sum(vector for _, vector in parts)


def solve(
    views: list[FaceView],
    observations: Sequence[Observation],
    identity: NDArray,
    landmarks: LandmarkTerm,
    extra: Term | None,
    rounds: int,
) -> tuple[list[FaceView], NDArray]:
    """Refine poses, expressions and the identity.

    Args:
        identity: (K,) weights to start from.
        extra: a term beside the landmarks, or None.

    Returns:
        views and identity after `rounds` steps, or earlier if the step is tiny.
    """
    K, E = len(identity), landmarks.basis.shape[2] - len(identity)
    for _ in range(rounds):
        matrix = np.zeros((K + len(views) * (POSE + E),) * 2)
        vector = np.zeros(len(matrix))
        matrix[:K, :K] += np.eye(K)
        vector[:K] -= identity
        for index, (view, observation) in enumerate(zip(views, observations)):
            shape = np.concatenate([identity, view.expression])
            part, right = _seen(landmarks, view, observation, shape)
            if extra is not None:
                more, also = extra.equations(index, view, shape)
                part, right = part + more, right + also
            a, b = view_prior(view)
            part[:POSE, :POSE] += a
            right[:POSE] += b
            part[POSE + K :, POSE + K :] += np.eye(E) / EXPRESSION_SIGMA**2
            right[POSE + K :] -= view.expression / EXPRESSION_SIGMA**2 + EXPRESSION_RATE
            start = K + index * (POSE + E)
            place = np.concatenate([start + np.arange(POSE), np.arange(K), start + POSE + np.arange(E)])
            matrix[np.ix_(place, place)] += part
            vector[place] += right
        bounds = np.full((len(vector), 2), [-np.inf, np.inf])
        for index, view in enumerate(views):
            mine = slice(K + index * (POSE + E) + POSE, K + (index + 1) * (POSE + E))
            bounds[mine, 0], bounds[mine, 1] = -view.expression, 1 - view.expression
        step = bounded_step(matrix, vector, bounds)
        identity = identity + step[:K]
        moved = []
        for index, view in enumerate(views):
            own = step[K + index * (POSE + E) : K + (index + 1) * (POSE + E)]
            moved.append(view.moved(own[:POSE], np.clip(view.expression + own[POSE:], 0, 1)))
        views = moved
        if np.abs(step[:K]).max(initial=0) < 0.01 and np.abs(step[K:]).max() < 0.003:
            break
    return views, identity


def _seen(landmarks: LandmarkTerm, view: FaceView, observation: Observation, shape: NDArray) -> tuple[NDArray, NDArray]:
    """The detector's landmarks and the network's reading of one photo, as far as there are any."""
    reading = observation.reading
    if reading is None:
        return landmarks.equations(view, observation, shape)
    part, right = read_equations(landmarks, view, observation, shape, EXPRESSION_SIGMA)
    if reading.alone:
        return part, right
    more, also = landmarks.equations(view, observation, shape)
    return part + more, right + also


def bounded_step(matrix: NDArray, vector: NDArray, bounds: NDArray) -> NDArray:
    """Minimise x'Ax/2 - b'x within bounds (N, 2) by an active set; the few wrong signs left are harmless.

    Returns:
        (N,) the step.
    """
    matrix = matrix + 1e-9 * np.diag(np.diag(matrix))
    step = np.zeros(len(vector))
    free = np.ones(len(vector), bool)
    for _ in range(12):
        held = ~free
        step[free] = np.linalg.solve(matrix[np.ix_(free, free)], vector[free] - matrix[np.ix_(free, held)] @ step[held])
        low, high = step < bounds[:, 0] - 1e-12, step > bounds[:, 1] + 1e-12
        gradient = matrix @ step - vector
        at_low, at_high = held & (step <= bounds[:, 0]), held & (step >= bounds[:, 1])
        release = (at_low & (gradient < -1e-9)) | (at_high & (gradient > 1e-9))
        if not (low | high | release).any():
            break
        step = np.clip(step, bounds[:, 0], bounds[:, 1])
        free = (free & ~(low | high)) | release
    return np.clip(step, bounds[:, 0], bounds[:, 1])
