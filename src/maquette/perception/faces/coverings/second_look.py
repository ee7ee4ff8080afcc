"""A face whose lower half is covered: its landmarks are read again, and it is believed by its eyes.

Over a mask the networks take the face for smaller than it is, and settle there. Begun in a larger and lower square,
landmarks lie 2.9 % of the face's size from those without the mask, against 4.7 %: mean of 15 photos with masks of four
colours drawn on them.

The detectors hardly believe in such a face. One that they refuse is believed where something covers the lower face
(`region.covered_region`) and the face network reads the same face, eyes where the landmarks have them, from every
crop. Measured where the detectors refuse one of the same photos or two real ones, turned, blurred, enlarged or
darkened: readings scatter by 0.0026 of the face's size in the median and 0.0061 at most, but for two photos that are
read wrongly (one dark, one a profile behind a fringe: 0.004 to 0.06). Of 28 animals and 11 pictures without a face,
altered in eleven ways each, one dog has a lower face of another colour; it scatters by 0.0075 or more, and the network
is not sure of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import topology
from maquette.perception.faces.coverings.region import covered_region
from maquette.perception.faces.landmarker import Face, find_landmarks
from maquette.perception.faces.patch import CROP_PER_FACE, crop_square, first_square
from maquette.perception.faces.regressor import reader, rescue
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.models.results import FaceDetection

CROPS = ((0.0, 0.0, 1.0, 0.0), (0.03, 0.0, 1.08, 0.08), (-0.03, 0.03, 0.92, -0.08), (0.0, -0.04, 1.0, 0.1))
LARGER = ((1.3, 0.1), (1.3, 0.0), (1.15, 0.1))  # scale of the first square, and how far down it lies, in its sides
SETTLING = 2  # crops before each reading, placed by the landmarks of the one before
STEADY = 0.0065  # of the face's size: root mean square scatter of the readings' landmarks
EYES_APART = 0.06  # of the face's size: between the network's eyes and those of the landmarks
AROUND = 0.5  # of the face's size: what is looked at to its sides
EYES = (topology.RIGHT_EYE_CORNERS, topology.LEFT_EYE_CORNERS)
NOTE = "the lower face is covered: found by its eyes"


def is_covered(pixels: NDArray, face: Face) -> bool:
    """Whether something covers the lower face. Arguments as for `is_covered_face`."""
    margin = AROUND * face.size
    low = np.maximum(np.floor(face.box[:2] - margin), 0).astype(int)
    high = np.maximum(np.ceil(face.box[2:] + margin).astype(int), low + 2)
    part, inside = pixels[low[1] : high[1], low[0] : high[0]], face.landmarks - np.append(low, 0)
    return bool(part.size) and covered_region(part, inside, topology.facing(face.landmarks)) is not None


def read_again(pixels: NDArray, face: Face, candidate: FaceDetection) -> Face:
    """The covered face with landmarks that were begun in a larger and lower square; as it is if none are found there.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        face: as its landmarks were found in it.
        candidate: where it was detected.
    """
    square = first_square(candidate)
    down = np.array([-np.sin(square.roll), np.cos(square.roll)])
    for scale, lower in LARGER:
        begin = replace(square, side=square.side * scale, centre=square.centre + lower * square.side * down)
        again = find_landmarks(pixels, candidate, face.note, begin)
        if again is not None and again.lies_at(face.box) and is_covered(pixels, again):
            return again
    return face


def is_covered_face(pixels: NDArray, face: Face, device: str) -> bool:
    """Whether what is covered is a face, by its eyes.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        face: as its landmarks were found in it.
        device: where our face network runs.
    """
    square = crop_square(face.landmarks)
    square = replace(square, side=square.side / CROP_PER_FACE * rescue.FACE_PER_BOX)
    readings = []
    for x, y, scale, turn in CROPS:
        placed = replace(
            square,
            centre=square.centre + np.array([x, y]) * square.side,
            side=square.side * scale,
            roll=square.roll + turn,
        )
        readings.append(reader.read(pixels, placed, SETTLING, device))
        if not rescue.believable(readings[-1]):
            return False
    seen = np.array([reading.landmarks[:, :2] for reading in readings])
    size = face_square(readings[0].landmarks).side
    scatter = float(np.sqrt(seen.var(axis=0).sum(axis=1)).mean()) / size
    mean = seen.mean(axis=0)
    apart = [np.linalg.norm(mean[list(eye)].mean(0) - face.landmarks[list(eye), :2].mean(0)) for eye in EYES]
    return scatter < STEADY and float(np.mean(apart)) < EYES_APART * size
