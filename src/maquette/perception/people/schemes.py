"""Key point schemes and the maps between them.

Convention:
    Points are (N, 2) or (N, 3), confidences (N,) in 0-1; confidence 0 means "not there", and such a point is zero.
    Left and right are the subject's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
    "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
)  # fmt: skip
MEDIAPIPE_33 = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_big_toe", "right_big_toe",
)  # fmt: skip
SCHEMES = {"coco17": COCO, "body25": BODY_25, "mediapipe33": MEDIAPIPE_33}
MIDDLES = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
TRUNK = ("nose", "left_shoulder", "right_shoulder", "left_hip", "right_hip")
BONES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("wrist", "index"),
            ("wrist", "pinky"),
            ("shoulder", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "heel"),
            ("heel", "big_toe"),
            ("ankle", "big_toe"),
        )
    ),
)


def convert(points: NDArray, confidence: NDArray, source: str, target: str) -> tuple[NDArray, NDArray]:
    """The same person in another scheme.

    Points are carried over by name. Neck and middle of the hips are midpoints where the source lacks them, as sure as
    the less sure end. Everything else that is missing is zero with confidence 0.

    Args:
        points: (N, 2) or (N, 3), any unit.
        confidence: (N,) 0-1.
        source: name of their scheme: "body25", "coco17", "mediapipe33".
        target: name of the wanted scheme.

    Returns:
        points: (M, 2) or (M, 3) float64.
        confidence: (M,) float64.
    """
    names = _names(source)
    if len(points) != len(names) or len(confidence) != len(names):
        raise BadInput(f"key points: {source} has {len(names)}, got {len(points)} with {len(confidence)} confidences")
    at = {name: (np.asarray(points[i], float), float(confidence[i])) for i, name in enumerate(names)}
    for middle, (left, right) in MIDDLES.items():
        if middle not in at and left in at and right in at:
            at[middle] = ((at[left][0] + at[right][0]) / 2, min(at[left][1], at[right][1]))
    out, sure = np.zeros((len(_names(target)), np.shape(points)[1])), np.zeros(len(_names(target)))
    for row, name in enumerate(_names(target)):
        if name in at and at[name][1] > 0:
            out[row], sure[row] = at[name]
    return out, sure


def _names(scheme: str) -> tuple[str, ...]:
    if scheme not in SCHEMES:
        raise BadInput(f"key point scheme {scheme!r}: wanted {', '.join(SCHEMES)}")
    return SCHEMES[scheme]


def indices(*names: str, scheme: str = "mediapipe33") -> list[int]:
    """Rows of named points."""
    return [_names(scheme).index(name) for name in names]


def mirror(scheme: str) -> NDArray:
    """(N,) row of the same point on the other side, its own for points in the middle."""
    names = _names(scheme)
    swap = {"left": "right", "right": "left"}
    return np.array([names.index("_".join(swap.get(word, word) for word in name.split("_"))) for name in names])


# Rows in "mediapipe33": the twelve large joints, and two pairs of them.
JOINTS = indices(
    *(
        f"{side}_{joint}"
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    )
)
SHOULDERS = indices("left_shoulder", "right_shoulder")
HIPS = indices("left_hip", "right_hip")
