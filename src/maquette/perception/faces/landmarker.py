"""From a detection to a face: 478 landmarks, read on several upright crops and averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.perception.boxes import overlap
from maquette.perception.faces import topology
from maquette.perception.faces.patch import CROP_PER_FACE, Jitter, crop_square, first_square, jittered, settled
from maquette.perception.models.interpreter import each
from maquette.perception.models.results import FaceDetection
from maquette.perception.square import Square

SAME = 0.4  # overlap beyond which two boxes are of one face
PRESENT = 0.5  # presence below which a crop shows no face
# Averaged crops. Measured on 18 photos, each moved, scaled and turned 8 times: landmarks scatter by 0.19 % of half the
# face height with one crop, 0.14 with two, 0.11 with these, 0.09 with six; each costs 5 ms. With two,
# six scans are 0.025 mm worse.
JITTERS = (
    Jitter(0.00, 0.00, 1.00, 0.00, False),
    Jitter(0.00, 0.00, 1.00, 0.00, True),
    Jitter(0.02, 0.02, 1.06, 0.05, False),
    Jitter(-0.02, -0.02, 0.94, -0.05, True),
)


@dataclass(frozen=True, eq=False)
class Face:
    """One face with its landmarks, pixels of the full picture.

    Attributes:
        landmarks: (478, 3); z relative depth in the same unit.
        spread: (478,) root mean square disagreement between the averaged crops, as share of the face's size.
        presence: 0-1, from the landmark network.
        score: 0-1, from the detector.
        roll: radians, clockwise as seen.
        note: how it was found, "" on the first attempt.
        from_regressor: the face regressor gave its landmarks, not the detector's landmark network.
        bare: it was looked whether something covers its lower half, and nothing does.
    """

    landmarks: NDArray
    spread: NDArray
    presence: float
    score: float
    roll: float
    note: str = ""
    from_regressor: bool = False
    bare: bool = False

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 around the landmarks."""
        return np.concatenate([self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)])

    @property
    def size(self) -> float:
        """Longer extent of the landmarks in the plane of the picture, pixels; hardly changes with yaw."""
        return crop_square(self.landmarks).side / CROP_PER_FACE

    @property
    def width(self) -> float:
        """Distance between the cheekbones in 3D, pixels: a profile is as wide as a frontal face."""
        right, left = self.landmarks[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE]]
        return float(np.linalg.norm(right - left))

    def lies_at(self, box: NDArray) -> bool:
        """Whether a box (4,) is of this face."""
        return overlap(box, self.box) > SAME


def find_landmarks(
    pixels: NDArray, detection: FaceDetection, note: str = "", square: Square | None = None
) -> Face | None:
    """The face at one detection.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        detection: in pixels of that picture.
        note: goes into the result.
        square: where to begin, pixels of the picture; None: at the detection.

    Returns:
        The face, or None if the landmark network sees none there.
    """
    placed = settled(pixels, square or first_square(detection), lambda seen: seen.presence >= PRESENT)
    if placed is None:
        return None
    patch, square = placed
    samples, presences = zip(*each(lambda row: patch.landmarks_in(*jittered(square, row)), JITTERS))
    landmarks = patch.to_full(np.mean(samples, axis=0))
    spread = np.sqrt(np.mean(np.var(np.array(samples)[..., :2], axis=0), axis=1))
    presence = float(np.mean(presences))
    if presence < PRESENT or not plausible(landmarks):
        return None
    spread *= CROP_PER_FACE / square.side
    return Face(landmarks, spread, presence, detection.score, crop_square(landmarks).roll, note)


def plausible(landmarks: NDArray) -> bool:
    """Whether eyes, nose, mouth and chin follow each other along the face, as they do at any pose."""
    down = landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2]
    length = np.linalg.norm(down)
    if not np.isfinite(landmarks).all() or length < 1:
        return False
    eyes = landmarks[list(topology.RIGHT_EYE_CORNERS + topology.LEFT_EYE_CORNERS), :2].mean(axis=0)
    mouth = landmarks[list(topology.LIPS), :2].mean(axis=0)
    along = [(point - landmarks[topology.FOREHEAD_TOP, :2]) @ down / length**2 for point in (eyes, mouth)]
    return 0.05 < along[0] < along[1] - 0.1 and along[1] < 0.98
