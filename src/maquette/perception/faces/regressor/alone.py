"""Faces that MediaPipe's landmark network gives up: profiles, the dark, blur. Ours reads them from faint candidates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maquette.core.types import Reading
from maquette.perception.faces import detect
from maquette.perception.faces.detect import Copy
from maquette.perception.faces.landmarker import CROP_PER_FACE, Face, placement_from, plausible, roll_of
from maquette.perception.faces.regressor import reader
from maquette.perception.faces.regressor.align import Place, place_of
from maquette.perception.faces.regressor.leads import trouble
from maquette.perception.models.mediapipe_graphs import Detection

Array = np.ndarray
FAINT = 0.12  # detector score from which a candidate is tried
SETTLING = 2  # crops, each placed by the landmarks of the one before
FACE_PER_BOX = 1.2  # the landmarks' extent over the side of the detector's box, brows to chin
PRESENT = 0.9  # presence from which on a face is believed
SURE = 0.03  # mean standard deviation of the landmarks, share of the face's size, up to which one is believed
TURNED = np.radians(40.0)  # yaw from which on the detector's landmarks may fail on a good picture
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
    # A clear frontal face that MediaPipe misses is a cat's: of 28 photographs of animals the network alone believes in
    # five, all such.
    if not believable(reading) or not trouble(pixels, reading.landmarks, TURNED):
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
    square = placement_from(candidate)
    return Place(square.centre, square.side / CROP_PER_FACE * FACE_PER_BOX, square.roll)


def believable(reading: Reading) -> bool:
    """Whether the network is sure of a face, and its landmarks lie as a face's."""
    extent = place_of(reading.landmarks).extent
    return reading.presence >= PRESENT and float(reading.sigma.mean()) <= SURE * extent and plausible(reading.landmarks)
