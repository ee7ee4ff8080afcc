"""The small shift that brings a photo onto the model's face: eyes on eyes, mouth on mouth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project

SCHEME = "mediapipe33"
FACE = (0, 1, 2, 3, 4, 5, 6, 9, 10)  # nose, eyes, mouth of that scheme; its ears are guessed
SUREST = 0.5  # confidence from which on a point counts
FEWEST = 5
NEAR, FADE = 0.35, 1.1  # of the face's size: how far a point's own shift and the common one reach
LARGEST = 0.6  # of the face's size: a larger shift means that the head was not found
STIFF = 0.05  # of a point's weight: how far neighbours even each other out


def face_shift(observation: Observation, camera: Camera, keypoints: NDArray, at: NDArray) -> NDArray:
    """(V, 2) pixels to add to where points of the head are drawn, to get to where the photo shows them.

    The common shift of all points of the face, and beside each its own (Gaussian kernels), fading out around the face.

    Args:
        observation: its landmarks give where the photo shows the face. camera: for its pixels.
        keypoints: (33, 3) metres: the model's, in the pose of that photo.
        at: (V, 2) where the points are drawn, pixels.
    """
    still = np.zeros_like(at)
    if observation.landmark_scheme != SCHEME:
        return still
    rows = [row for row in FACE if observation.landmark_confidence[row] >= SUREST]
    if len(rows) < FEWEST:
        return still
    drawn = project(camera, keypoints[rows].astype(float))[0]
    apart = observation.landmarks[rows, :2] - drawn
    size = 2.2 * max(float(np.ptp(drawn, axis=0).max()), 1e-6)
    if not np.isfinite(drawn).all() or np.linalg.norm(apart, axis=1).max() > LARGEST * size:
        return still
    common = apart.mean(axis=0)
    kernel = _kernel(drawn, drawn, NEAR * size)
    own = np.linalg.solve(kernel + STIFF * np.eye(len(rows)), apart - common)
    far = np.linalg.norm(at - drawn.mean(axis=0), axis=1) / (FADE * size)
    shift = (common + _kernel(at, drawn, NEAR * size) @ own) * np.exp(-(far**4))[:, None]
    return shift.astype(at.dtype)


def _kernel(a: NDArray, b: NDArray, reach: float) -> NDArray:
    return np.exp(-((a[:, None] - b) ** 2).sum(axis=2) / (2 * reach**2))
