"""The network's term: its landmarks by their uncertainty, and what it read of identity and expression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Reading
from maquette.reconstruction.face_fit.equations import NormalEquations, correlated_equations
from maquette.reconstruction.face_fit.state import POSE, FaceView, project_points
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

# Chosen on the development scans and held-out synthetic faces; the sweeps are in CARD.md.
GAP = 16.0  # how much larger the network's errors are taken to be on photographs than on renders
IDENTITY_TRUST = 0.5  # share of the network's information on identity that survives on photographs
EXPRESSION_TRUST = 0.25
LOWEST_SIGMA = 0.004  # of the face's size: no landmark is known better


def landmark_equations(term: LandmarkTerm, view: FaceView, reading: Reading, shape: NDArray) -> NormalEquations:
    """The network's landmarks under their standard deviations and the learned covariance.

    Args:
        shape: (K + E,) identity and expression weights.
    """
    placed = (term.mean + term.basis @ shape) @ view.rotation.T + view.translation
    predicted = project_points(view, placed, term.basis)
    extent = np.ptp(reading.landmarks[:, :2], axis=0).max()
    sigma = np.repeat(np.maximum(reading.sigma, LOWEST_SIGMA * extent), 2) * GAP
    factor, spread = term.reader_noise.factor, term.reader_noise.spread
    inverse = 1 / (sigma * spread)
    known = term.reader_noise.mean_error(view, float(extent))
    white = (reading.landmarks[:, :2] - known - predicted.value).ravel() * inverse
    return correlated_equations(predicted.jacobian() * inverse[:, None], white, (factor / spread).T)


def coefficient_information(
    weights: NDArray, mean: NDArray, sigma: NDArray, prior_sigma: float
) -> tuple[NDArray, NDArray]:
    """Information (K,) that the network adds to the prior on weights (K,), and information times error (K,).

    The network answers with a posterior, which already holds the prior: its own share is 1 / sigma^2 less that of the
    prior. Modes that it was not asked for get nothing.

    Args:
        weights: where the fit stands.
        mean: (M,) and sigma (M,) that the network answered for the first M modes.
        prior_sigma: of the weights, one number.
    """
    information, vector = np.zeros(len(weights)), np.zeros(len(weights))
    n = min(len(weights), len(mean))
    own = np.maximum(sigma[:n] ** -2 - prior_sigma**-2, 0.0)
    # Where the network knows no more than the prior, its mean is the prior's and adds nothing.
    wanted = mean[:n] * sigma[:n] ** -2 / np.maximum(own, 1e-9) if prior_sigma == 1.0 else mean[:n]
    information[:n] = own
    vector[:n] = own * (np.clip(wanted, -4, 4) - weights[:n])
    return information, vector


def equations(
    term: LandmarkTerm, view: FaceView, reading: Reading, shape: NDArray, expression_sigma: float
) -> NormalEquations:
    """Everything the network says of one photo.

    Args:
        shape: (K + E,) identity and expression weights.
        expression_sigma: of the expression weights' prior.
    """
    split = len(shape) - len(view.expression)
    identity, expression = shape[:split], shape[split:]
    shared = coefficient_information(identity, reading.identity, reading.identity_sigma, 1.0)
    own = coefficient_information(expression, reading.expression, reading.expression_sigma, expression_sigma)
    known = float(reading.edition == term.edition)  # another head's coefficients mean other shapes
    diagonal, vector = (
        np.concatenate([np.zeros(POSE), known * IDENTITY_TRUST * a, known * EXPRESSION_TRUST * b])
        for a, b in zip(shared, own)
    )
    return landmark_equations(term, view, reading, shape) + NormalEquations(np.diag(diagonal), vector)
