"""The detectors' networks as plain functions on arrays: the door of the adapter.

Faces and people are found, given landmarks and cut out by Google's networks, each on a picture that the caller has
prepared, so that cropping and resampling stay in our hands. Nothing is loaded before the first call; nothing is written
to stderr; calls from several threads wait for each other.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from maquette.perception.models.anchors import decode_faces, decode_persons
from maquette.perception.models.interpreter import run
from maquette.perception.models.results import (
    BLENDSHAPE_LANDMARKS,
    DETECTOR_INPUT,
    POSE_INPUT,
    FaceDetection,
    FaceLandmarks,
    PersonDetection,
    Pose,
)

# Scores from which a detection counts, as in mediapipe's graphs; guesses below do not enter the mean of a face either.
USUAL_SCORE = {"short": 0.5, "full": 0.6}
HEAT_REACH = 4  # cells around a key point within which its heat draws it, as in mediapipe's graph
HEAT_SURE = 0.5  # highest heat from which on it does


def detect_faces(pixels: NDArray, reach: str, lowest: float = 1.0) -> list[FaceDetection]:
    """Find faces, best first.

    Args:
        pixels: (H, W, 3) uint8; is letterboxed to `DETECTOR_INPUT[reach]`, so shrink it well beforehand.
        reach: "short" (large faces) or "full" (also small ones).
        lowest: score from which a detection counts, where lower than the usual one.
    """
    side = DETECTOR_INPUT[reach]
    scale = side / max(pixels.shape[:2])
    corner = (side - np.array(pixels.shape[1::-1]) * scale) / 2
    matrix = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    square = pixels
    if pixels.shape[:2] != (side, side):
        square = cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    values, logits = run(f"face-detector-{reach}", square[None] / np.float32(127.5) - 1)
    found = decode_faces(values[0], logits.ravel(), reach, min(lowest, USUAL_SCORE[reach]))
    return [
        FaceDetection((item.box - np.tile(corner, 2)) / scale, (item.keypoints - corner) / scale, item.score)
        for item in found
    ]


def find_landmarks(crop: NDArray) -> FaceLandmarks:
    """Landmarks of the one face in a square picture.

    Args:
        crop: (256, 256, 3) uint8, the face upright, its landmarks' longer extent about two thirds of the side.
    """
    points, presence, _ = run("face-landmarks", crop[None] / np.float32(255))
    return FaceLandmarks(points.reshape(-1, 3).astype(float), float(expit(presence).ravel()[0]))


def blendshapes(landmarks: NDArray) -> NDArray:
    """(52,) float32 scores, 0-1, of `BLENDSHAPES`: what the landmarks say of the expression.

    Args:
        landmarks: (478, 3) as from `find_landmarks`, any unit.
    """
    (scores,) = run("face-blendshapes", landmarks[None, list(BLENDSHAPE_LANDMARKS), :2])
    return scores


def segment(square: NDArray) -> NDArray:
    """(256, 256) float32 in 0-1: people against the background, of (256, 256, 3) uint8."""
    (mask,) = run("person-segmenter", square[None] / np.float32(255))
    return mask[0, ..., 0]


def detect_persons(square: NDArray, lowest: float) -> list[PersonDetection]:
    """Where people may be; many detections of the same person.

    Args:
        square: (224, 224, 3) uint8.
        lowest: score, 0-1, from which a detection counts.
    """
    values, logits = run("person-detector", square[None] / np.float32(127.5) - 1)
    return decode_persons(values[0], logits.ravel(), lowest)


def estimate_pose(crop: NDArray) -> Pose:
    """Key points and outline of the one person in (256, 256, 3) uint8, upright, about 0.8 of the side."""
    raw, presence, mask, heat, metric = run("person-landmarks", crop[None] / np.float32(255))
    points = raw.reshape(39, 5).astype(float)
    places = np.column_stack([_drawn_to_heat(points[:, :2] / POSE_INPUT, heat[0]) * POSE_INPUT, points[:, 2]])
    return Pose(
        places,
        expit(points[:, 3]),
        expit(points[:, 4]),
        float(presence.ravel()[0]),
        expit(mask[0, ..., 0]).astype(np.float32),
        metric.reshape(39, 3).astype(float),
    )


def _drawn_to_heat(points: NDArray, heat: NDArray) -> NDArray:
    """Each point moved to the middle of the heat around it.

    Args:
        points: (N, 2) shares of the side.
        heat: (h, w, N) logits.
    """
    height, width = heat.shape[:2]
    out = points.copy()
    for k, (column, row) in enumerate((points * [width, height]).astype(int)):
        if not (0 <= column < width and 0 <= row < height):
            continue
        rows = np.arange(max(0, row - HEAT_REACH), min(height, row + HEAT_REACH + 1))
        columns = np.arange(max(0, column - HEAT_REACH), min(width, column + HEAT_REACH + 1))
        around = expit(heat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, k].astype(float))
        if around.max() >= HEAT_SURE:
            total = around.sum()
            out[k] = around.sum(axis=0) @ columns / total / width, around.sum(axis=1) @ rows / total / height
    return out
