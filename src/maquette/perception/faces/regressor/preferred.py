"""Which photographs the face network reads better than the detector: measured on held-out synthetic faces.

Mean shape error of the fit in mm with the detector's landmarks against the network's, 9 to 20 people (average head
3.1): clear and frontal 2.5 against 2.4, but 1.05 against 1.13 on scans; at 60 degrees 3.24 against 2.96; at -3 EV 2.80
against 2.57; 32 pixels across the face 2.90 against 2.40, 20 pixels 3.40 against 2.63; strong blur 4.12 against 3.41.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import quality, topology

TURNED = np.radians(50.0)  # yaw
DARK, DROWNED = 0.22, 0.25  # mean brightness of the face and share of it in black; dark skin in good light is not black
BLURRED = 0.28  # sharpness, see quality.measure; portraits measure 0.34 to 0.75
SMALL = 64.0  # pixels of the photo across the landmarks' longer extent


def why_preferred(observation: Observation) -> str:
    """In plain words why the network's landmarks are used on this photograph; "" where both are asked."""
    extent = np.ptp(observation.landmarks[:, :2], axis=0).max()
    per_crop = (observation.box[2] - observation.box[0]) / observation.frame.size[0]
    if extent * per_crop < SMALL:
        return f"only {extent * per_crop:.0f} pixels across"
    return view_problem(observation.frame.pixels, observation.landmarks, TURNED)


def view_problem(pixels: NDArray, landmarks: NDArray, turned: float) -> str:
    """What is wrong with the view of a face, in plain words; "" if nothing.

    Args:
        pixels: (H, W, 3) uint8. landmarks: (478, 3) pixels.
        turned: radians of yaw that count as wrong.
    """
    if abs(yaw(landmarks)) > turned:
        return "turned far away"
    low = np.maximum(np.floor(landmarks[:, :2].min(axis=0)).astype(int), 0)
    high = np.ceil(landmarks[:, :2].max(axis=0)).astype(int)
    face = pixels[low[1] : high[1], low[0] : high[0]]
    if min(face.shape[:2]) < 4:
        return ""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    if grey.mean() / 255 < DARK and (face.max(axis=2) < quality.DARK).mean() > DROWNED:
        return "dark"
    return "blurred" if quality.sharpness(grey, landmarks - [*low, 0]) < BLURRED else ""


def yaw(landmarks: NDArray) -> float:
    """Radians, from the depth of the cheekbones (478, 3): rough, and independent of any head model."""
    across = landmarks[topology.LEFT_CHEEKBONE] - landmarks[topology.RIGHT_CHEEKBONE]
    return float(np.arctan2(across[2], np.hypot(across[0], across[1])))


def with_preferred_landmarks(observation: Observation) -> Observation:
    """The observation with the network's landmarks where these are the better ones; else as it is."""
    reading = observation.reading
    if reading is None or reading.alone:
        return observation
    why = why_preferred(observation)
    if not why:
        return observation
    return replace(
        observation,
        landmarks=reading.landmarks,
        reading=replace(reading, disagreement=None),
        notes=(*observation.notes, f"the face is {why}: the face network's landmarks are used, not the detector's"),
    )
