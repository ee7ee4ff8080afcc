"""The five bundled networks as plain functions on arrays: the door of the adapter.

Faces and people are found, given landmarks and cut out by the networks inside the mediapipe wheel, each on a picture
that the caller has prepared, so that cropping and resampling stay in our hands. Nothing is loaded before the first
call; nothing is written to stderr; calls from several threads wait for each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception.models.anchors import decode_persons
from maquette.perception.models.graphs import run
from maquette.perception.models.results import (
    MESH_INPUT,
    POSE_INPUT,
    FaceDetection,
    FaceLandmarks,
    PersonDetection,
    Pose,
)


def detect_faces(pixels: NDArray, reach: str) -> list[FaceDetection]:
    """Find faces.

    Args:
        pixels: (H, W, 3) uint8; is letterboxed to `DETECTOR_INPUT[reach]`, so shrink it well beforehand.
        reach: "short" (large faces) or "full" (also small ones).
    """
    result = run(f"detect {reach}", pixels)
    height, width = pixels.shape[:2]
    size = np.array([width, height], float)
    found = []
    for item in result.detections or ():
        place = item.location_data
        relative = place.relative_bounding_box
        corner = np.array([relative.xmin, relative.ymin])
        far_corner = corner + np.array([relative.width, relative.height])
        box = np.concatenate([corner, far_corner]) * np.tile(size, 2)
        keypoints = np.array([[k.x, k.y] for k in place.relative_keypoints]) * size
        found.append(FaceDetection(box, keypoints, float(item.score[0])))
    return found


def find_landmarks(crop: NDArray) -> FaceLandmarks:
    """Landmarks of the one face in a square picture.

    Args:
        crop: (192, 192, 3) uint8, the face upright, its landmarks' longer extent about two thirds of the side.
    """
    result = run("face landmarks", crop)
    points = np.array([[p.x, p.y, p.z] for p in result.landmarks.landmark])
    return FaceLandmarks(points * MESH_INPUT, float(result.presence))


def segment(pixels: NDArray) -> NDArray:
    """(H, W) float32 in 0-1: people against the background; the network sees 256 x 256."""
    return np.ascontiguousarray(run("segment", pixels).segmentation_mask, np.float32)


def detect_persons(square: NDArray, lowest: float) -> list[PersonDetection]:
    """Where people may be; many detections of the same person.

    Args:
        square: (224, 224, 3) uint8.
        lowest: score, 0-1, from which a detection counts.
    """
    result = run("detect persons", square)
    values = np.array(result.values, np.float32).reshape(-1, 12)
    return decode_persons(values, np.array(result.scores, np.float32), lowest)


def estimate_pose(crop: NDArray) -> Pose:
    """Key points and outline of the one person in (256, 256, 3) uint8, upright, about 0.8 of the side."""
    result = run("pose", crop)
    points = np.array([[p.x, p.y, p.z, p.visibility, p.presence] for p in result.points.landmark])
    return Pose(
        points[:, :3] * POSE_INPUT,
        points[:, 3],
        points[:, 4],
        float(result.presence[0]),
        np.array(result.mask, np.float32).reshape(POSE_INPUT, POSE_INPUT),
        np.array(result.metric).reshape(39, 3),
    )
