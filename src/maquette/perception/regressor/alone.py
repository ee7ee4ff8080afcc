"""Faces that MediaPipe's landmark network gives up: profiles, the dark, blur. Ours reads them from faint candidates."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from maquette.core.types import Reading
from maquette.perception import detect, quality
from maquette.perception.detect import Copy
from maquette.perception.mediapipe_graphs import Detection
from maquette.perception.regressor import reader
from maquette.perception.regressor.align import Place, place_of
from maquette.perception.regressor.leads import yaw
from maquette.perception.trace import Face, plausible, roll_of

Array = np.ndarray
FAINT = 0.12  # detector score from which a candidate is tried
SETTLING = 2  # crops, each placed by the landmarks of the one before
FACE_PER_BOX = 1.2  # the landmarks' extent over the side of the detector's box, brows to chin
PRESENT = 0.9  # presence from which on a face is believed
SURE = 0.03  # mean standard deviation of the landmarks, share of the face's size, up to which one is believed
TURNED = np.radians(40.0)  # yaw from which on the detector's landmarks may fail on a good picture
DARK, BLURRED = 0.2, 0.28  # brightness and sharpness below which they may fail at any yaw
MOST = 6  # candidates tried per copy
NOTE = "read by the face network alone, the detector's landmarks do not fit: a profile, darkness or blur"


def faint_faces(pixels: Array, copy: Copy) -> list[Face]:
    """Faces of which the detector is not sure, but our network is; pixels of the picture, the likeliest first.

    Args:
        pixels: (H, W, 3) uint8, the picture.
        copy: the picture at the detector's size.
    """
    found: list[Face] = []
    for attempt, division in _searches(copy):
        for candidate in detect.candidates(attempt, division, FAINT)[:MOST]:
            face = read_face(pixels, candidate)
            if face is not None and all(detect.overlap(face.box, other.box) < 0.4 for other in found):
                found.append(face)
        if found:
            break
    return found


def _searches(copy: Copy) -> Iterator[tuple[Copy, int]]:
    yield copy, 1
    yield detect.brightened(copy), 1
    yield copy, 2


def read_face(pixels: Array, candidate: Detection) -> Face | None:
    """The face at a candidate, pixels of the picture; None if the network does not believe in it."""
    reading = reader.read(pixels, _place(candidate), SETTLING)
    if not believable(reading) or not excusable(pixels, reading):
        return None
    extent = place_of(reading.landmarks).extent
    return Face(
        reading.landmarks,
        reading.sigma / extent,
        reading.presence,
        candidate.score,
        roll_of(reading.landmarks),
        NOTE,
        alone=True,
    )


def _place(candidate: Detection) -> Place:
    """Roll from the eyes to the mouth: in a profile the two eyes coincide."""
    right, left, _, mouth = candidate.keypoints[:4]
    up = (right + left) / 2 - mouth
    box = candidate.box
    side = float(np.max(box[2:] - box[:2]))
    return Place((box[:2] + box[2:]) / 2, max(8.0, side * FACE_PER_BOX), float(np.arctan2(up[0], -up[1])))


def excusable(pixels: Array, reading: Reading) -> bool:
    """Whether MediaPipe may miss this face: turned away, dark, blurred. A clear frontal one that it misses is a cat's.

    Measured on 28 photographs of cats, dogs and wild animals: the network alone believes in five frontal ones.
    """
    if abs(yaw(reading.landmarks)) > TURNED:
        return True
    low = np.maximum(np.floor(reading.landmarks[:, :2].min(axis=0)).astype(int), 0)
    high = np.ceil(reading.landmarks[:, :2].max(axis=0)).astype(int)
    face = pixels[low[1] : high[1], low[0] : high[0]]
    if min(face.shape[:2]) < 4:
        return False
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    if grey.mean() / 255 < DARK:
        return True
    return quality.sharpness(grey, reading.landmarks - [*low, 0]) < BLURRED


def believable(reading: Reading) -> bool:
    """Whether the network is sure of a face, and its landmarks lie as a face's."""
    extent = place_of(reading.landmarks).extent
    return reading.presence >= PRESENT and float(reading.sigma.mean()) <= SURE * extent and plausible(reading.landmarks)
