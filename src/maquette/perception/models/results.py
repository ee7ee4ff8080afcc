"""What the five networks take and report: sides of their pictures, and typed results."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

MESH_INPUT = 192  # pixels: side of the picture that the landmark network sees
DETECTOR_INPUT = {"short": 128, "full": 192}  # pixels: sides of the pictures that the face detectors see
SEGMENTER_INPUT = 256  # pixels
PERSON_DETECTOR_INPUT = 224  # pixels: side of the picture that the person detector sees
POSE_INPUT = 256  # pixels: side of the picture that the network of key points sees


class FaceDetection(NamedTuple):
    """One face as a detector reports it, pixels of the picture it was given.

    Attributes:
        box: (4,) x0, y0, x1, y1; brows to chin.
        keypoints: (6, 2): right eye, left eye, nose tip, mouth, right ear, left ear (the subject's right).
        score: 0-1.
    """

    box: NDArray
    keypoints: NDArray
    score: float


class FaceLandmarks(NamedTuple):
    """What the landmark network says of one square picture.

    Attributes:
        landmarks: (478, 3) float64 pixels of the 192 x 192 input; z relative depth in the same unit, smaller is nearer.
        presence: 0-1, probability that the picture shows a face.
    """

    landmarks: NDArray
    presence: float


class PersonDetection(NamedTuple):
    """One person as the detector reports it, pixels of its 224 x 224 input.

    Attributes:
        face: (2,) middle of the face.
        face_size: (2,) width and height of a box about the face; always a fifth of the input's side.
        hips: (2,) middle of the hips: the centre of a circle that holds the whole body.
        rim: (2,) the point of that circle above the head.
        score: 0-1.
    """

    face: NDArray
    face_size: NDArray
    hips: NDArray
    rim: NDArray
    score: float


class Pose(NamedTuple):
    """What the network of key points says of one square picture.

    Attributes:
        points: (39, 3) float64 pixels of the 256 x 256 input, z relative depth in the same unit; the last six are no
            points of the body: two of them place the square for the next picture.
        visibility: (39,) 0-1: neither hidden nor outside.
        inside: (39,) 0-1: within the picture.
        presence: 0-1, probability that there is a person.
        mask: (256, 256) float32 0-1: this person.
        metric: (39, 3) float64 metres from the middle of the hips: x right, y down, z away from the viewer.
    """

    points: NDArray
    visibility: NDArray
    inside: NDArray
    presence: float
    mask: NDArray
    metric: NDArray
