"""What the 478 landmarks of MediaPipe's FaceMesh are: outlines, symmetry, triangles.

Left and right are the subject's. Indices are those of MediaPipe (Apache-2.0).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Observation

LANDMARKS = 478
SCHEME = "mediapipe478"
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
MOUTH_OPENING = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
RIGHT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
LEFT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (362, 263)
FOREHEAD_TOP, CHIN = 10, 152
RIGHT_CHEEKBONE, LEFT_CHEEKBONE = 234, 454  # before the ears: the face's width
# Bare on nearly every face: cheeks, nose bridge and tip, middle of the forehead. Skin colour is learned here.
RIGHT_CHEEK = (50, 101, 118, 117, 123, 205, 36, 203, 187, 147)
LEFT_CHEEK = (280, 330, 347, 346, 352, 425, 266, 423, 411, 376)
NOSE = (6, 197, 195, 5, 4, 45, 275, 51, 281)
FOREHEAD = (151, 9, 108, 337, 69, 299, 104, 333)

# The 68 points of iBUG's scheme (Sagonas et al. 2013) among the 478; its jaw line is the one on the face's skin in 3D.
IBUG68 = (
    127, 234, 93, 132, 58, 172, 136, 150, 152, 379, 365, 397, 288, 361, 323, 454, 356, 70, 63, 105, 66, 107, 336, 296,
    334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, 61,
    39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip


def landmarks68(observation: Observation) -> NDArray:
    """(68, 2) iBUG landmarks of a face, pixels of the observation's frame.

    Raises:
        BadInput: another scheme of landmarks.
    """
    if observation.landmark_scheme == "ibug68":
        return observation.landmarks[:, :2]
    if observation.landmark_scheme != SCHEME:
        scheme = observation.landmark_scheme
        raise BadInput(f"{observation.frame.origin}: wanted landmarks of a face, got {scheme}")
    return observation.landmarks[list(IBUG68), :2]


def lean68(marks: NDArray) -> float:
    """Radians by which a face leans clockwise as seen; (68, 2) iBUG landmarks, pixels, y down."""
    up = marks[36:48].mean(axis=0) - marks[[48, 54]].mean(axis=0)
    return float(np.arctan2(up[0], -up[1]))


@cache
def mirror() -> NDArray:
    """(478,) int: the landmark that takes this one's place in a mirrored picture."""
    return np.array(_stored()["mirror"])


@cache
def triangles() -> NDArray:
    """(T, 3) int: the FaceMesh surface over landmarks 0-467; in pixels (y down, z away) its normals point outwards."""
    return np.array(_stored()["triangles"])


def facing(landmarks: NDArray) -> NDArray:
    """(478,) 0-1: cosine between each landmark's outward normal and the viewer, 0 where it is turned away.

    Irises take the mean of their eye's outline.
    """
    corners = landmarks[triangles()]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros((len(landmarks), 3))
    for column in triangles().T:
        np.add.at(summed, column, normals)
    length = np.linalg.norm(summed, axis=1)
    cosine = np.clip(-summed[:, 2] / np.maximum(length, 1e-9), 0, 1)
    for iris, eye in ((RIGHT_IRIS, RIGHT_EYE), (LEFT_IRIS, LEFT_EYE)):
        cosine[list(iris)] = cosine[list(eye)].mean()
    return cosine


@cache
def _stored() -> dict:
    return json.loads(files("maquette.perception.faces").joinpath("facemesh.json").read_text())
