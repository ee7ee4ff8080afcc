"""The one real face that a dependency carries, and what several tests need of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.core.types import Frame, Observation
from maquette.perception.faces.observe import observe


@pytest.fixture(scope="session")
def sample() -> np.ndarray:
    """(512, 512, 3) uint8, one face 92 px wide."""
    return data.astronaut()


@pytest.fixture(scope="session")
def portrait(sample) -> np.ndarray:
    """(300, 300, 3) uint8, the upper part of it."""
    return np.ascontiguousarray(sample[0:300, 80:380])


@pytest.fixture(scope="session")
def seen(sample) -> Observation:
    return observe(Frame(sample, origin="astronaut.png"))[0]


@pytest.fixture(scope="session")
def full_landmarks(seen) -> np.ndarray:
    return to_full(seen)


def to_full(observation: Observation) -> np.ndarray:
    """(478, 2) landmarks in pixels of the full frame, as `observe` documents it."""
    scale = observation.frame.size[0] / (observation.box[2] - observation.box[0])
    return observation.landmarks[:, :2] / scale + observation.box[:2]


def eye_distance(landmarks: np.ndarray) -> float:
    return float(np.linalg.norm(landmarks[[33, 133], :2].mean(axis=0) - landmarks[[362, 263], :2].mean(axis=0)))


def disagreement(landmarks: np.ndarray, reference: np.ndarray) -> float:
    """Median distance in eye distances."""
    return float(np.median(np.linalg.norm(landmarks - reference, axis=1)) / eye_distance(reference))


def enlarged(pixels: np.ndarray, factor: float) -> np.ndarray:
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
