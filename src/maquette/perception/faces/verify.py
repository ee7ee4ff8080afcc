"""Is it a face that has landmarks? Cats, coffee cups and bricks get them too.

The detectors look again, at upright close-ups placed by the landmarks. On a true face they are sure, and their eyes,
nose and mouth fall on those of the landmarks; and the landmarks agree between crops. Measured on 44 faces in photos
and renders up to 45 degrees of yaw (0.28 or more), 7 renders at 60-70 degrees whose landmarks fit (0.21 or more) and
16 false ones, pets, textures and folds of cloth (0.18 at most). The threshold was set on these same pictures. Beyond
some 70 degrees the landmark network puts a frontal face on the cheek; that too is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import apply, warp
from maquette.perception.faces import topology
from maquette.perception.faces.landmarker import Face
from maquette.perception.faces.patch import Patch
from maquette.perception.models import networks
from maquette.perception.models.interpreter import each
from maquette.perception.models.results import DETECTOR_INPUT
from maquette.perception.square import Square

TRUE = 0.19  # certainty from which on a face is believed
PLAIN = 0.5  # certainty of the short-range detector alone that no false one reached (0.27 at most)
EYES = (topology.RIGHT_EYE_CORNERS, topology.LEFT_EYE_CORNERS)
CROP = DETECTOR_INPUT["full"]  # pixels
CLOSE_UPS = (2.0, 3.0)  # sides over the face's size
TOLERANCE = 0.15  # of the face's size: keypoints off by this much count nothing
STEADY = 0.015  # disagreement of the crops, as share of the face's size, that halves the certainty


def is_face(pixels: NDArray, face: Face) -> bool:
    """Whether a face is believed; the second detector is asked only where the first one leaves a doubt.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        face: as its landmarks were found in it.
    """
    return certainty(pixels, face, ("short",)) >= PLAIN or certainty(pixels, face) >= TRUE


def certainty(pixels: NDArray, face: Face, detectors: Sequence[str] = tuple(DETECTOR_INPUT)) -> float:
    """0-1, how sure detectors and landmarks are of each other."""
    centre = (face.box[:2] + face.box[2:]) / 2
    patch = Patch.around(pixels, Square(centre, face.size * CLOSE_UPS[-1], face.roll))
    points = (_keypoints(face.landmarks) - patch.corner) / patch.scaling
    weights = _visibility(face.landmarks)

    def agreement(close_up: float) -> list[float]:
        square = Square(patch.square.centre, patch.square.side * close_up / CLOSE_UPS[-1], face.roll)
        matrix = square.to_crop(CROP)
        crop = warp(patch.pixels, matrix, (CROP, CROP))
        wanted = apply(matrix, points) / CROP
        return [_agreement(crop, reach, wanted, weights * close_up) for reach in detectors]

    agreements = each(agreement, CLOSE_UPS)
    return float(np.mean(agreements) / (1 + (face.spread.mean() / STEADY) ** 2))


def _agreement(crop: NDArray, reach: str, wanted: NDArray, weights: NDArray) -> float:
    """Score of the detection that fits best, less what its keypoints are off.

    Args:
        wanted: (4, 2) keypoints according to the landmarks, shares of the crop's side.
        weights: (4,) how much each counts, times the crop's side over the face's size.
    """
    side = DETECTOR_INPUT[reach]
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) if side < CROP else crop
    best = 0.0
    for item in networks.detect_faces(small, reach):
        off = np.linalg.norm(item.keypoints[:4] / side - wanted, axis=1) @ weights
        best = max(best, item.score * max(0.0, 1 - off / TOLERANCE))
    return best


def _visibility(landmarks: NDArray) -> NDArray:
    """(4,) weights of the keypoints, sum 1: in a profile the far eye is a guess of both networks."""
    right, left = (np.linalg.norm(np.diff(landmarks[list(c), :2], axis=0)) for c in EYES)
    weights = np.array([right, left, max(right, left), max(right, left)])
    return weights / max(weights.sum(), 1e-9)


def _keypoints(landmarks: NDArray) -> NDArray:
    """(4, 2) right eye, left eye, nose tip, mouth: what the detectors report."""
    groups = (topology.RIGHT_EYE, topology.LEFT_EYE, (1,), (13, 14))
    return np.array([landmarks[list(group), :2].mean(axis=0) for group in groups])
