"""Faces that MediaPipe's landmark network gives up: profiles, the dark, blur. Ours reads them at faint detections."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Reading
from maquette.perception.copies import Copy, Search, brightened
from maquette.perception.faces import detect
from maquette.perception.faces.landmarker import Face, plausible
from maquette.perception.faces.patch import CROP_PER_FACE, first_square, roll_of
from maquette.perception.faces.regressor import reader
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.faces.regressor.preferred import view_problem
from maquette.perception.models.results import FaceDetection
from maquette.perception.square import Square

FAINT = 0.12  # detector score from which a candidate is tried
SETTLING = 2  # crops, each placed by the landmarks of the one before
FACE_PER_BOX = 1.2  # the landmarks' extent over the side of the detector's box, brows to chin
PRESENT = 0.9  # presence from which on a face is believed
SURE = 0.03  # mean standard deviation of the landmarks, share of the face's size, up to which one is believed
TURNED = np.radians(40.0)  # yaw from which on the detector's landmarks may fail on a good picture
MOST = 6  # candidates tried per copy
NOTE = "read by the face network alone, the detector's landmarks do not fit: a profile, darkness or blur"


def faint_faces(pixels: NDArray, copy: Copy, device: str = "cpu") -> list[Face]:
    """Faces of which the detector is not sure, but our network is; pixels of the picture, the likeliest first.

    Args:
        pixels: (H, W, 3) uint8, the picture.
        copy: the picture at the detector's size.
        device: where our network runs.
    """
    found: list[Face] = []
    for search in _searches(copy):
        for candidate in detect.candidates(search)[:MOST]:
            face = read_face(pixels, candidate, device)
            if face is not None and not any(other.lies_at(face.box) for other in found):
                found.append(face)
        if found:
            break
    return found


def _searches(copy: Copy) -> Iterator[Search]:
    yield Search(copy, 1, FAINT)
    yield Search(brightened(copy), 1, FAINT)
    yield Search(copy, 2, FAINT)


def read_face(pixels: NDArray, candidate: FaceDetection, device: str = "cpu") -> Face | None:
    """The face at a candidate, pixels of the picture; None if the network does not believe in it."""
    reading = reader.read(pixels, _square(candidate), SETTLING, device)
    # A clear frontal face that MediaPipe misses is a cat's: of 28 photographs of animals the network alone believes in
    # five, all such.
    if not believable(reading) or not view_problem(pixels, reading.landmarks, TURNED):
        return None
    extent = face_square(reading.landmarks).side
    return Face(
        reading.landmarks,
        reading.sigma / extent,
        reading.presence,
        candidate.score,
        roll_of(reading.landmarks),
        NOTE,
        from_regressor=True,
    )


def _square(candidate: FaceDetection) -> Square:
    square = first_square(candidate)
    return Square(square.centre, square.side / CROP_PER_FACE * FACE_PER_BOX, square.roll)


def believable(reading: Reading) -> bool:
    """Whether the network is sure of a face, and its landmarks lie as a face's."""
    extent = face_square(reading.landmarks).side
    return reading.presence >= PRESENT and float(reading.sigma.mean()) <= SURE * extent and plausible(reading.landmarks)
