"""What the networks take and report: sides of their pictures, and typed results."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

MESH_INPUT = 256  # pixels: side of the picture that the landmark network sees
DETECTOR_INPUT = {"short": 128, "full": 192}  # pixels: sides of the pictures that the face detectors see
SEGMENTER_INPUT = 256  # pixels
PERSON_DETECTOR_INPUT = 224  # pixels: side of the picture that the person detector sees
POSE_INPUT = 256  # pixels: side of the picture that the network of key points sees

# Landmarks that the network of blendshapes reads, and its scores in order (mediapipe, face_blendshapes_graph).
BLENDSHAPE_LANDMARKS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


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
        landmarks: (478, 3) float64 pixels of the 256 x 256 input; z relative depth in the same unit, smaller is nearer.
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
