"""How good a picture of a person is: six judgements, each a number, the limit it is held against, and plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.boxes import box_of_mask, covered
from maquette.perception.copies import shrunk
from maquette.perception.people import schemes
from maquette.perception.people.schemes import JOINTS

BODY_HEIGHT = 256  # pixels to which a body, also one not seen in full, is brought, so that a larger file is no sharper
STATURE = 1.7  # metres, of an average adult: what the detector's metres are scaled to
NOISE = 0.5  # squared slope per pixel that is noise, not detail
DIRECTIONS = 8
# Limits, with what was measured on 9 frames of a dancer, two people down to the hips, a photo and a small photo.
SHARP = 0.5  # sharp 0.81 to 1.8; moved by 1 % of the body's height 0.53 to 0.86, by 2 % 0.23 to 0.48, by 4 % to 0.32
CROWDED = 0.15  # of the person's box that another's covers: two down to the hips side by side 0.03
UNUSUAL = 1.0  # the largest angle over its own limit
TINY = 96.0  # pixels: there key points differ by 0.6 % of the height from those of the full picture, at 48 by 2 to 50
SURE = 0.55  # mean confidence of the joints: whole bodies 0.85 to 1.0, down to the hips 0.3
LEAN = 45.0  # degrees: trunk from the vertical
LIFT = 100.0  # degrees: thigh from the trunk's line
TURN = 110.0  # degrees: chest from the viewer
HEAD = schemes.indices("nose", "left_eye", "right_eye", "left_ear", "right_ear")
HANDS = schemes.indices("left_wrist", "right_wrist")
FEET = schemes.indices("left_ankle", "right_ankle", "left_heel", "right_heel")
CROWN = 0.07  # of the stature: the top of the head over the middle of eyes and ears
SEEN = 0.5


@dataclass(frozen=True)
class Judgement:
    """One thing that can be wrong with a picture of a person.

    Attributes:
        name: "blurred", "crowded", "unusual pose", "cropped", "tiny" or "unsure".
        value: what was measured.
        limit: what it is held against.
        flagged: whether it is on the wrong side of it.
        words: what to report.
    """

    name: str
    value: float
    limit: float
    flagged: bool
    words: str


def judge(observation: Observation, others: Sequence[Observation] = ()) -> list[Judgement]:
    """All six judgements of one person.

    Args:
        observation: of a person, scheme "mediapipe33".
        others: the other people of the same picture.
    """
    sharp, crowd = sharpness(observation), crowding(observation, others)
    pose, pose_words = pose_oddness(observation)
    missing = parts_outside(observation)
    height, sure = person_height(observation), joint_confidence(observation)
    return [
        Judgement("blurred", sharp, SHARP, sharp < SHARP, f"blurred: detail {sharp:.2f}, sharp is {SHARP:g} or more"),
        Judgement("crowded", crowd, CROWDED, crowd > CROWDED, f"another person covers {crowd:.0%} of the place"),
        Judgement("unusual pose", pose, UNUSUAL, pose > UNUSUAL, f"unusual pose: {pose_words}"),
        Judgement("cropped", len(missing), 0, bool(missing), f"outside the picture: {', '.join(missing) or 'nothing'}"),
        Judgement("tiny", height, TINY, height < TINY, f"tiny: {height:.0f} px high, good are {TINY:g} or more"),
        Judgement("unsure", sure, SURE, sure < SURE, f"key points are unsure: {sure:.2f}, good are {SURE:g} or more"),
    ]


def flags(observation: Observation, others: Sequence[Observation] = ()) -> dict[str, str]:
    """Name -> plain words of what is wrong, empty where nothing is."""
    return {one.name: one.words for one in judge(observation, others) if one.flagged}


def sharpness(observation: Observation) -> float:
    """Curvature over slope of the brightness inside the mask, squared, in the direction where it is least.

    The Laplacian's variance over contrast (Pech-Pacheco et al. 2000), taken per direction: motion blurs along one only.
    Contrast and the amount of pattern cancel out. The body is brought to 256 pixels; smaller ones stay as they are.

    Returns:
        About 1 where the picture is sharp, falling to 0; 1 where there is nothing to measure.
    """
    mask = observation.mask > 0.5
    factor = min(1.0, BODY_HEIGHT / max(body_height(observation), 1.0))
    size = max(8, round(mask.shape[1] * factor)), max(8, round(mask.shape[0] * factor))
    picture = cv2.cvtColor(shrunk(observation.frame.pixels, size), cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=(0,)) > 0
    if inside.sum() < 16:
        return 1.0
    grey = cv2.GaussianBlur(picture, (0, 0), 0.5)
    slope = [cv2.Sobel(grey, cv2.CV_32F, *order)[inside] / 8 for order in ((1, 0), (0, 1))]
    line, cross = np.array([[1, -2, 1]], np.float32), np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]], np.float32) / 4
    xx, yy, xy = (cv2.filter2D(grey, -1, kernel)[inside] for kernel in (line, line.T, cross))
    least = np.inf
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        cos, sin = np.cos(angle), np.sin(angle)
        bend = cos * cos * xx + 2 * cos * sin * xy + sin * sin * yy
        least = min(least, float((bend**2).mean() / (((cos * slope[0] + sin * slope[1]) ** 2).mean() + NOISE)))
    return least


def body_height(observation: Observation) -> float:
    """Height of the whole body standing upright, in crop pixels, also where it is not seen in full."""
    seen = observation.landmark_confidence > SEEN
    metric = observation.landmarks_metric
    if metric is None or seen.sum() < 3:
        return float(observation.mask.shape[0])
    flat = observation.landmarks[seen, :2] - observation.landmarks[seen, :2].mean(axis=0)
    metres = metric[seen, :2] - metric[seen, :2].mean(axis=0)
    return STATURE * float(np.sqrt((flat**2).sum() / max((metres**2).sum(), 1e-9)))


def person_box(observation: Observation) -> NDArray:
    """(4,) x0, y0, x1, y1 around the mask, pixels of the full frame; the crop's box where the mask is empty."""
    inside = box_of_mask(observation.mask)
    if inside is None:
        return observation.box
    box = inside * ((observation.box[2] - observation.box[0]) / observation.mask.shape[1])
    return box + np.tile(observation.box[:2], 2)


def person_height(observation: Observation) -> float:
    """Height of what is seen of the person, pixels of the full frame."""
    box = person_box(observation)
    return float(box[3] - box[1])


def crowding(observation: Observation, others: Sequence[Observation]) -> float:
    """Largest share of the person's box that somebody else's covers."""
    own = person_box(observation)
    return max((covered(own, person_box(other)) for other in others), default=0.0)


def pose_oddness(observation: Observation) -> tuple[float, str]:
    """The largest of three angles over its limit, and words: trunk leans, a thigh is lifted, chest is turned away.

    Of a standing person seen from the front all are small. Angles that depend on unseen joints do not count.
    """
    metric, sure = observation.landmarks_metric, observation.landmark_confidence
    if metric is None:
        return 0.0, "unknown"
    at = dict(zip(schemes.MEDIAPIPE_33, metric))
    seen = dict(zip(schemes.MEDIAPIPE_33, sure > SEEN))
    if not (seen["left_shoulder"] and seen["right_shoulder"]):
        return 0.0, "unknown"
    up = (at["left_shoulder"] + at["right_shoulder"] - at["left_hip"] - at["right_hip"]) / 2
    across = at["left_shoulder"] - at["right_shoulder"]
    chest = np.cross(across, up)  # camera axes: y down, so this points out of the chest
    found = [(_angle([chest[0], chest[2]], [0, -1]) / TURN, "turned away by {:.0f} degrees", TURN)]
    if seen["left_hip"] and seen["right_hip"]:
        found.append((_angle(up[:2], [0, -1]) / LEAN, "leaning by {:.0f} degrees", LEAN))
        for side in ("left", "right"):
            if seen[f"{side}_knee"]:
                thigh = at[f"{side}_knee"] - at[f"{side}_hip"]
                found.append((_angle(thigh, -up) / LIFT, f"{side} thigh lifted by {{:.0f}} degrees", LIFT))
    share, words, limit = max(found, key=lambda item: item[0])
    return float(share), words.format(share * limit)


def _angle(a: Sequence[float], b: Sequence[float]) -> float:
    """Degrees between two vectors."""
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(np.dot(a, b) / max(length, 1e-9), -1, 1))))


def parts_outside(observation: Observation) -> list[str]:
    """Which of head, hands and feet lie beyond the picture's edge."""
    scale = (observation.box[2] - observation.box[0]) / observation.mask.shape[1]
    points = observation.landmarks[:, :2] * scale + observation.box[:2]
    size = np.array(observation.full_size if min(observation.full_size) > 0 else observation.box[2:])
    beyond = ((points < 0) | (points >= size)).any(axis=1)
    crown = points[HEAD].mean(axis=0)[1] - CROWN * body_height(observation) * scale
    parts = {"head": bool(beyond[HEAD].any() or crown < 0)}
    parts |= {"hands": bool(beyond[HANDS].any()), "feet": bool(beyond[FEET].any())}
    return [name for name, out in parts.items() if out]


def joint_confidence(observation: Observation) -> float:
    """Mean confidence of the twelve large joints."""
    return float(observation.landmark_confidence[JOINTS].mean())
