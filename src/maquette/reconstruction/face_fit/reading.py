"""The network's term: its landmarks by their uncertainty, and what it read of identity and expression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation, Reading
from maquette.reconstruction.face_fit.landmarks import LandmarkTerm
from maquette.reconstruction.face_fit.state import POSE, FaceView, point_jacobian

# Chosen on the development scans and held-out synthetic faces; the sweeps are in CARD.md.
GAP = 8.0  # how much larger the network's errors are taken to be on photographs than on renders
IDENTITY_TRUST = 1.0  # share of the network's information on identity that survives on photographs
EXPRESSION_TRUST = 0.25
LOWEST_SIGMA = 0.004  # of the face's size: no landmark is known better


def landmark_equations(
    term: LandmarkTerm, view: FaceView, observation: Observation, shape: NDArray
) -> tuple[NDArray, NDArray]:
    """Normal matrix and vector over [pose (7), identity (K), expression (E)] of the network's landmarks.

    Whitened by their standard deviations and the learned covariance, inverted by Woodbury's identity.

    Args:
        shape: (K + E,) identity and expression weights.
    """
    reading = observation.reading
    assert reading is not None
    placed = (term.mean + term.basis @ shape) @ view.rotation.T + view.translation
    pixels, by_pose, by_shape = point_jacobian(view, placed, term.basis)
    extent = np.ptp(reading.landmarks[:, :2], axis=0).max()
    sigma = np.repeat(np.maximum(reading.sigma, LOWEST_SIGMA * extent), 2) * GAP
    factor, spread = term.reader_noise.factor, term.reader_noise.spread
    inverse = 1 / (sigma * spread)
    white = (reading.landmarks[:, :2] - pixels).ravel() * inverse
    jacobian = np.concatenate([by_pose, by_shape], axis=2).reshape(white.size, -1) * inverse[:, None]
    across = (factor / spread).T
    inner = np.linalg.cholesky(np.eye(across.shape[1]) + across.T @ across)
    moved = np.linalg.solve(inner, across.T @ jacobian)
    along = np.linalg.solve(inner, across.T @ white)
    return jacobian.T @ jacobian - moved.T @ moved, jacobian.T @ white - moved.T @ along


def coefficient_equations(
    reading: Reading, identity: NDArray, expression: NDArray, prior_sigma: float
) -> tuple[NDArray, NDArray]:
    """Diagonal (K + E,) and vector (K + E,) of what the network adds to the priors on the weights.

    The network answers with a posterior, which already holds the prior: its own share is 1 / sigma^2 less that of the
    prior. Modes that it was not asked for get nothing.
    """
    parts = (
        (identity, reading.identity, reading.identity_sigma, 1.0, IDENTITY_TRUST),
        (expression, reading.expression, reading.expression_sigma, prior_sigma, EXPRESSION_TRUST),
    )
    diagonals, vectors = [], []
    for now, mean, sigma, prior, trust in parts:
        diagonal, vector = np.zeros(len(now)), np.zeros(len(now))
        n = min(len(now), len(mean))
        mine = np.maximum(sigma[:n] ** -2 - prior**-2, 0.0)
        # Where the network knows no more than the prior, its mean is the prior's and adds nothing.
        wanted = mean[:n] * sigma[:n] ** -2 / np.maximum(mine, 1e-9) if prior == 1.0 else mean[:n]
        wanted = np.clip(wanted, -4, 4)
        diagonal[:n] = trust * mine
        vector[:n] = trust * mine * (wanted - now[:n])
        diagonals.append(diagonal)
        vectors.append(vector)
    return np.concatenate(diagonals), np.concatenate(vectors)


def equations(
    term: LandmarkTerm, view: FaceView, observation: Observation, shape: NDArray, prior_sigma: float
) -> tuple[NDArray, NDArray]:
    """Everything the network says of one photo: normal matrix and vector over [pose, identity, expression]."""
    matrix, vector = landmark_equations(term, view, observation, shape)
    split = len(shape) - len(view.expression)
    diagonal, right = coefficient_equations(observation.reading, shape[:split], shape[split:], prior_sigma)
    matrix[POSE:, POSE:] += np.diag(diagonal)
    vector[POSE:] += right
    return matrix, vector
