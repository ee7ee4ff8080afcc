"""Key point schemes, the maps between them, and the files that other programs write them to.

Convention:
    Points are (N, 2) or (N, 3), confidences (N,) in 0-1; confidence 0 means "not there", and such a point is zero.
    Left and right are the subject's.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

COCO = tuple(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split()
)
COCO_18 = tuple(
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear".split()
)
BODY_25 = tuple(
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe left_small_toe "
    "left_heel right_big_toe right_small_toe right_heel".split()
)
MEDIAPIPE_33 = tuple(
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_big_toe right_big_toe".split()
)
SCHEMES = {"coco17": COCO, "body25": BODY_25, "mediapipe33": MEDIAPIPE_33}
READABLE = {**SCHEMES, "coco18": COCO_18}
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
JSON_SCHEMES = {25: "body25", 18: "coco18", 17: "coco17"}


def convert(points: NDArray, confidence: NDArray, source: str, target: str) -> tuple[NDArray, NDArray]:
    """The same person in another scheme.

    Points are carried over by name. Neck and middle of the hips are midpoints where the source lacks them, as sure as
    the less sure end. Everything else that is missing is zero with confidence 0.

    Args:
        points: (N, 2) or (N, 3), any unit.
        confidence: (N,) 0-1.
        source: name of their scheme: "body25", "coco17", "coco18", "mediapipe33".
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
            sure = min(at[left][1], at[right][1])
            at[middle] = ((at[left][0] + at[right][0]) / 2, sure)
    out, sure = np.zeros((len(_names(target)), np.shape(points)[1])), np.zeros(len(_names(target)))
    for row, name in enumerate(_names(target)):
        if name in at and at[name][1] > 0:
            out[row], sure[row] = at[name]
    return out, sure


def _names(scheme: str) -> tuple[str, ...]:
    if scheme not in READABLE:
        raise BadInput(f"key point scheme {scheme!r}: wanted {', '.join(READABLE)}")
    return READABLE[scheme]


def indices(*names: str, scheme: str = "mediapipe33") -> list[int]:
    """Rows of named points."""
    return [_names(scheme).index(name) for name in names]


def mirror(scheme: str) -> NDArray:
    """(N,) row of the same point on the other side, its own for points in the middle."""
    names = _names(scheme)
    swap = {"left": "right", "right": "left"}
    return np.array([names.index("_".join(swap.get(word, word) for word in name.split("_"))) for name in names])


def read_openpose(path: str | Path) -> list[tuple[NDArray, str]]:
    """People of an OpenPose file, `people[].pose_keypoints_2d`.

    Returns:
        Per person (N, 3) float64 x, y (pixels), confidence, and the scheme, told from the number of points.

    Raises:
        BadInput: one line: missing, no JSON, no people list, a wrong number of numbers, not finite.
    """
    path = Path(path)
    wanted = "wanted an OpenPose file with people[].pose_keypoints_2d"
    try:
        people = json.loads(path.read_text(encoding="utf-8"))["people"]
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is not JSON ({' '.join(str(error).split())}), {wanted}") from error
    except (KeyError, TypeError) as error:
        raise BadInput(f'{path}: holds no list "people", {wanted}') from error
    if not isinstance(people, list):
        raise BadInput(f'{path}: holds no list "people", {wanted}')
    return [_openpose_person(path, number, person) for number, person in enumerate(people, 1)]


def _openpose_person(path: Path, number: int, person: object) -> tuple[NDArray, str]:
    values = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
    try:
        row = np.asarray(values, float).reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: person {number}: wanted x, y, confidence for each key point") from error
    if len(row) not in JSON_SCHEMES:
        counts = ", ".join(map(str, JSON_SCHEMES))
        raise BadInput(f"{path}: person {number}: {len(row)} key points, wanted {counts} (three numbers each)")
    if not np.isfinite(row).all():
        raise BadInput(f"{path}: person {number}: a key point is not a finite number: write the file again")
    row[:, 2] = np.clip(row[:, 2], 0, 1)
    return row, JSON_SCHEMES[len(row)]


def write_openpose(path: str | Path, people: list[NDArray]) -> None:
    """Write people, each (25, 3) float x, y, confidence in "body25" order, as OpenPose does."""
    entries = [{"person_id": [-1], "pose_keypoints_2d": [round(float(v), 4) for v in row.ravel()]} for row in people]
    Path(path).write_text(json.dumps({"version": 1.3, "people": entries}), encoding="utf-8")


def read_rects(path: str | Path) -> NDArray:
    """(P, 4) int64 x, y, width, height in pixels, a row per person.

    Raises:
        BadInput: one line: missing, empty, not four whole numbers a row, no extent.
    """
    path = Path(path)
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not text, wanted rows of x y width height") from error
    if not lines:
        raise BadInput(f"{path}: is empty, wanted rows of x y width height")
    rects = []
    for number, words in enumerate(lines, 1):
        try:
            rects.append([int(float(word)) for word in words])
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{path}: row {number}: wanted four whole numbers x y width height") from error
        if len(words) != 4 or min(rects[-1][2:]) < 1:
            raise BadInput(f"{path}: row {number}: wanted x y width height, width and height at least 1")
    return np.array(rects, np.int64)


def write_rects(path: str | Path, rects: NDArray) -> None:
    """Write (P, 4) rects, a row `x y w h` of whole numbers per person."""
    rows = np.asarray(rects).astype(int).tolist()
    Path(path).write_text("".join(" ".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
