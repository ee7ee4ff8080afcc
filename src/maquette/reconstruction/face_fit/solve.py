"""Gauss-Newton over all photos at once: shared identity, own pose and expression, bounded expression weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.reconstruction.face_fit.equations import NormalEquations
from maquette.reconstruction.face_fit.state import POSE, FaceView, view_prior
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm
from maquette.reconstruction.face_fit.terms.reading import equations as read_equations
from maquette.reconstruction.face_fit.terms.scores import score_equations

EXPRESSION_SIGMA = 0.35  # spread of the expression weights; most are zero in most photos
SHARED_ERROR = 0.5  # measured: half of what shading gets wrong of a face it gets wrong in every photo of it
SHUT_SIGMA = 0.05  # how far an eye that the picture shows shut may be from it
EXPRESSION_RATE = 4.0  # exponential part of their prior: a unit must earn its weight


class Term(Protocol):
    """Evidence on the shape beside the landmarks, e.g. the shading."""

    @property
    def weights_of_its_own(self) -> int:
        """Number of unknowns beside the shape, shared by all photos, standard normal a priori."""
        ...

    def equations(self, index: int, view: FaceView, shape: NDArray, own: NDArray, /) -> NormalEquations:
        """The equations of the photo of this index, over [pose, identity, expression, its own]."""
        ...


@dataclass(frozen=True, eq=False)
class SumOfTerms:
    """Several terms as one; at least one."""

    terms: tuple[Term, ...]

    @property
    def weights_of_its_own(self) -> int:
        """Those of all terms, one after the other."""
        return sum(term.weights_of_its_own for term in self.terms)

    def equations(self, index: int, view: FaceView, shape: NDArray, own: NDArray) -> NormalEquations:
        """The sum of the terms' equations."""
        result, start = NormalEquations.nothing(POSE + len(shape) + len(own)), 0
        for term in self.terms:
            count = term.weights_of_its_own
            part = term.equations(index, view, shape, own[start : start + count])
            result = result + part.padded(start, len(own) - start - count, POSE + len(shape))
            start += count
        return result


@dataclass(frozen=True)
class Unknowns:
    """Where all unknowns stand in one vector: the identity, then pose and expression of each photo.

    Attributes:
        identity: number of identity weights.
        expression: number of expression weights.
        photos: number of photos.
        own: number of weights of a term's own; they come last.
    """

    identity: int
    expression: int
    photos: int
    own: int = 0

    def __len__(self) -> int:
        return self.identity + self.photos * (POSE + self.expression) + self.own

    def photo(self, index: int) -> slice:
        """Pose and expression of a photo."""
        start = self.identity + index * (POSE + self.expression)
        return slice(start, start + POSE + self.expression)

    def order(self, index: int) -> NDArray:
        """(7 + K + E + own,) places of [pose, identity, expression, own], as `NormalEquations` of a photo have them."""
        places = np.arange(len(self))
        here = places[self.photo(index)]
        return np.concatenate([here[:POSE], places[: self.identity], here[POSE:], places[len(self) - self.own :]])

    def bounds(self, views: Sequence[FaceView]) -> NDArray:
        """(M, 2) of a step, so that expression weights stay in 0-1."""
        bounds = np.full((len(self), 2), [-np.inf, np.inf])
        for index, view in enumerate(views):
            bounds[self.photo(index)][POSE:] = np.column_stack([-view.expression, 1 - view.expression])
        return bounds


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
    K = len(identity)
    own = np.zeros(0 if extra is None else extra.weights_of_its_own)
    unknowns = Unknowns(K, landmarks.basis.shape[2] - K, len(views), len(own))
    first_own = len(unknowns) - len(own)
    shared = np.r_[:K, first_own : len(unknowns)]
    for _ in range(rounds):
        matrix, vector = np.zeros((len(unknowns),) * 2), np.zeros(len(unknowns))
        matrix[shared, shared] = 1.0
        vector[shared] = -np.concatenate([identity, own])
        for index, (view, observation) in enumerate(zip(views, observations)):
            shape = np.concatenate([identity, view.expression])
            # What landmarks get wrong of a face they get wrong in every photo of it: all together they count as one.
            part = seen_equations(landmarks, view, observation, shape).scaled(1 / len(views))
            part = part + prior_equations(view, K) + opinion_equations(landmarks, view, observation, K)
            part = part.padded(0, len(own), len(part.vector))
            if extra is not None:
                part = part + extra.equations(index, view, shape, own).scaled(len(views) ** -SHARED_ERROR)
            order = unknowns.order(index)
            matrix[np.ix_(order, order)] += part.matrix
            vector[order] += part.vector
        step = bounded_step(matrix, vector, unknowns.bounds(views))
        identity, own = identity + step[:K], own + step[first_own:]
        steps = [step[unknowns.photo(index)] for index in range(len(views))]
        views = [v.moved(s[:POSE], np.clip(v.expression + s[POSE:], 0, 1)) for v, s in zip(views, steps)]
        if np.abs(step[:K]).max(initial=0) < 0.01 and np.abs(step[K:first_own]).max() < 0.003:
            break
    return views, identity


def prior_equations(view: FaceView, modes: int) -> NormalEquations:
    """The priors on pose and expression of one photo, beside `modes` identity weights."""
    pose, units = view_prior(view), len(view.expression)
    matrix = np.zeros((POSE + modes + units,) * 2)
    vector = np.zeros(len(matrix))
    matrix[:POSE, :POSE], vector[:POSE] = pose.matrix, pose.vector
    matrix[POSE + modes :, POSE + modes :] = np.eye(units) / EXPRESSION_SIGMA**2
    vector[POSE + modes :] = -(view.expression / EXPRESSION_SIGMA**2 + EXPRESSION_RATE)
    return NormalEquations(matrix, vector)


def opinion_equations(term: LandmarkTerm, view: FaceView, observation: Observation, modes: int) -> NormalEquations:
    """What else is known of the expression of one photo, beside `modes` identity weights.

    The scores of the expression, and the lids of eyes that are seen to be shut: the prior would leave them ajar.
    """
    matrix = np.zeros((POSE + modes + len(view.expression),) * 2)
    vector = np.zeros(len(matrix))
    for shut, unit in zip(observation.shut_eyes, term.blinks):
        if shut:
            place = POSE + modes + unit
            matrix[place, place] = 1 / SHUT_SIGMA**2
            vector[place] = (1 - view.expression[unit]) / SHUT_SIGMA**2 + EXPRESSION_RATE
    lids = NormalEquations(matrix, vector)
    if observation.expression_scores is None or "scores" not in term.noise:
        return lids
    learned = term.noise["scores"]
    return lids + score_equations(observation.expression_scores, learned, term.names, view.expression, modes)


def seen_equations(
    landmarks: LandmarkTerm, view: FaceView, observation: Observation, shape: NDArray
) -> NormalEquations:
    """The detector's landmarks and the network's reading of one photo, as far as there are any."""
    reading = observation.reading
    if reading is None:
        return landmarks.equations(view, observation, shape)
    part = read_equations(landmarks, view, reading, shape, EXPRESSION_SIGMA)
    return part if reading.alone else part + landmarks.equations(view, observation, shape)


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
