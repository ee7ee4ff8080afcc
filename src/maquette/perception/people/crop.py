"""The square around a person: PIFuHD's published rule on key points, our own on mask and key points, and its camera.

Convention:
    A rect is (4,) int64 x, y, width, height in pixels of the full picture; it may reach beyond it.
    Key points are (N, 3): x, y in pixels of the full picture, confidence 0-1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Observation
from maquette.perception.people import schemes

MARGIN = 1.3  # side of the square over what it holds
TALL, SURE, THERE = 0.5, 0.5, 0.2  # confidences of the published rule: who is tallest, is sure, is there at all
FEET_PUBLISHED = (11, 19, 21, 22)  # "body25": without the left ankle and the right heel, as published
FEET = (11, 14, 19, 20, 21, 22, 23, 24)
FACE, EARS = (0, 15, 16, 17, 18), (17, 18)
KINDS = ("full", "upper", "face")
# Proportions of an average adult, shares of the trunk from mid-shoulders to mid-hips (Drillis and Contini 1966).
THIGH, SHANK, FOOT = 0.85, 0.85, 0.14
TRUNK_PER_SHOULDERS = 1.25  # trunk over the distance between the shoulder joints
KNOWN = 0.5  # confidence from which on a joint is taken as it is


def tallest(people: list[NDArray]) -> int:
    """Index of the person with the largest vertical extent of sure points, as PIFuHD chooses.

    Raises:
        BadInput: nobody has a sure point.
    """
    extents = [np.ptp(p[p[:, 2] > TALL, 1]) if (p[:, 2] > TALL).any() else -1.0 for p in people]
    if not extents or max(extents) < 0:
        raise BadInput("key points: nobody has a point with a confidence above 0.5: detect them again")
    return int(np.argmax(extents))


def feet_seen(points: NDArray, as_published: bool = True) -> bool:
    """Whether a foot of (25, 3) "body25" points is sure."""
    return bool((points[list(FEET_PUBLISHED if as_published else FEET), 2] > SURE).any())


def published_rect(points: NDArray, kind: str = "full", as_published: bool = True) -> NDArray:
    """The square of PIFuHD's image reader around one person.

    Args:
        points: (25, 3), scheme "body25".
        kind: "full", "upper" or "face".
        as_published: with its lopsided test of the feet, and with its face radius, which sums distances over the points
            instead of over x and y.

    Raises:
        BadInput: an unknown kind, or the points that the rule needs are not there.
    """
    if kind not in KINDS:
        raise BadInput(f"crop {kind!r}: wanted {', '.join(KINDS)}")
    if kind == "full":
        return _square(*_full(points, as_published))
    return _square(*(_upper(points) if kind == "upper" else _face(points, as_published)))


def colab_rect(points: NDArray, size: tuple[int, int]) -> NDArray:
    """The square of PIFuHD's notebook: (18, 3) "coco18" points, and the whole picture as a last resort.

    Args:
        size: (width, height) of the picture.
    """
    found = points[:, 2] > 0
    if found[10] or found[13]:
        return _square(*_around(points[found, :2]))
    if found[8] and found[11]:
        return _square(*_from_hips((points[8, :2] + points[11, :2]) / 2, points[found, :2]))
    return _square(np.array([size[0] // 2, size[1] // 2]), max(size[0] // 2, size[1] // 2))


def _full(points: NDArray, as_published: bool) -> tuple[NDArray, int]:
    if feet_seen(points, as_published):
        return _around(points[points[:, 2] > THERE, :2])
    sure = points[:, 2] > SURE
    if not sure.any() or points[8, 2] <= 0:
        raise BadInput("key points: neither feet nor hips are there, so the size of the person is unknown")
    return _from_hips(points[8, :2], points[sure, :2])


def _around(points: NDArray) -> tuple[NDArray, int]:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.trunc((low + high) / 2).astype(np.int64), int(0.65 * max(high - low))


def _from_hips(hips: NDArray, points: NDArray) -> tuple[NDArray, int]:
    centre = np.trunc(hips).astype(np.int64)
    radius = int(1.45 * np.linalg.norm(points - centre, axis=1).max())
    return centre + np.array([0, int(0.05 * radius)]), radius


def _upper(points: NDArray) -> tuple[NDArray, int]:
    neck = points[1, :2]
    if points[1, 2] <= 0:
        raise BadInput("key points: the neck is not there, so the upper body cannot be placed")
    if points[8, 2] > THERE:
        reach = np.linalg.norm(points[8, :2] - neck)
    else:
        shares = {0: 0.4, 2: 0.3, 5: 0.3}  # nose and shoulders: their distance to the neck over that of the hips
        known = [np.linalg.norm(points[i, :2] - neck) / share for i, share in shares.items() if points[i, 2] > THERE]
        if not known:
            raise BadInput("key points: neither hips, nose nor shoulders are there: the size is unknown")
        reach = max(known)
    return np.trunc(neck).astype(np.int64), int(0.8 * reach)


def _face(points: NDArray, as_published: bool) -> tuple[NDArray, int]:
    there = [index for index in FACE if points[index, 2] > THERE]
    if not there:
        raise BadInput("key points: no point of the face is there")
    face = points[there, :2]
    one_sided = len(there) <= 3 and not all(ear in there for ear in EARS)
    centre = face[-1] if one_sided else face.mean(axis=0)
    away = np.sqrt(((face - centre) ** 2).sum(axis=0 if as_published else 1))
    return np.trunc(centre).astype(np.int64), int(1.4 * away.max())


def _square(centre: NDArray, radius: int) -> NDArray:
    if radius < 1:
        raise BadInput("key points: they all lie on one spot: detect them again")
    return np.array([centre[0] - radius, centre[1] - radius, 2 * radius, 2 * radius], np.int64)


def person_rect(observation: Observation, margin: float = MARGIN) -> NDArray:
    """Our square: around mask and key points, hidden legs included where the skeleton tells of them.

    Args:
        observation: of a person, scheme "mediapipe33".
        margin: side over the longer extent of what it holds.
    """
    box, crop = observation.box, observation.frame
    scale = crop.size[0] / (box[2] - box[0])
    points, guessed = with_hidden_legs(observation.landmarks[:, :2], observation.landmark_confidence)
    held = [points[guessed | (observation.landmark_confidence > KNOWN)]]
    rows, columns = (np.flatnonzero((observation.mask > 0.5).any(axis=axis)) for axis in (1, 0))
    if len(rows):
        held.append(np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], float))
    held = np.concatenate(held)
    if not len(held):
        raise BadInput("person: neither a mask nor a sure key point")
    low, high = held.min(axis=0) / scale + box[:2], held.max(axis=0) / scale + box[:2]
    return _square(np.round((low + high) / 2).astype(np.int64), int(np.ceil(margin / 2 * (high - low).max())))


def with_hidden_legs(points: NDArray, confidence: NDArray) -> tuple[NDArray, NDArray]:
    """Where legs would be that are hidden or outside the picture.

    A hidden shank goes on straight from the thigh; where the knee is hidden too, the leg hangs along the trunk; where
    the hips are, the trunk hangs from the shoulders. Standing people only: whoever sits gets too large a square.

    Args:
        points: (33, 2) "mediapipe33"; confidence: (33,) 0-1.

    Returns:
        points: (33, 2), guesses put in.
        guessed: (33,) bool.
    """
    points, guessed = np.array(points, float), np.zeros(len(points), bool)
    at = {name: index for index, name in enumerate(schemes.MEDIAPIPE_33)}
    shoulders = [at["left_shoulder"], at["right_shoulder"]]
    hips = [at["left_hip"], at["right_hip"]]
    if (confidence[shoulders] <= KNOWN).any():
        return points, guessed
    middle = points[shoulders].mean(axis=0)
    if (confidence[hips] > KNOWN).all():
        trunk = points[hips].mean(axis=0) - middle
    else:
        head = 2.2 * np.linalg.norm(points[at["nose"]] - middle) * (confidence[at["nose"]] > KNOWN)
        width = TRUNK_PER_SHOULDERS * np.linalg.norm(np.diff(points[shoulders], axis=0))
        trunk = np.array([0.0, max(head, width)])
        across = np.diff(points[shoulders], axis=0)[0] * 0.3
        points[hips], guessed[hips] = middle + trunk + np.array([-across, across]), True
    for side in ("left", "right"):
        hip, knee, ankle, heel, toe = (at[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "heel", "big_toe"))
        if confidence[ankle] > KNOWN:
            continue
        if confidence[knee] > KNOWN and not guessed[hip]:
            thigh = points[knee] - points[hip]
            length = max(np.linalg.norm(thigh), SHANK * np.linalg.norm(trunk))
            shank = thigh / max(np.linalg.norm(thigh), 1e-9) * length
        else:
            points[knee], guessed[knee] = points[hip] + THIGH * trunk, True
            shank = SHANK * trunk
        points[ankle] = points[knee] + shank
        points[[heel, toe]] = points[ankle] + FOOT * trunk
        guessed[[ankle, heel, toe]] = True
    return points, guessed


def cut(pixels: NDArray, rect: NDArray, fill: int = 0) -> NDArray:
    """(h, w, ...) what a rect shows of a picture (H, W, ...); `fill` beyond its edges (the published rule: black)."""
    x, y, width, height = (int(v) for v in rect)
    out = np.full((height, width, *pixels.shape[2:]), fill, pixels.dtype)
    low, high = np.maximum([x, y], 0), np.minimum([x + width, y + height], pixels.shape[1::-1])
    if (high > low).all():
        out[low[1] - y : high[1] - y, low[0] - x : high[0] - x] = pixels[low[1] : high[1], low[0] : high[0]]
    return out


def resized(crop: NDArray, side: int) -> NDArray:
    """(side, side, ...) plain bilinear, without antialiasing, as the published networks were fed."""
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)


def flattened(rgba: NDArray, background: int = 128, premultiplied: bool = False) -> NDArray:
    """(H, W, 3) uint8: a picture with straight alpha (H, W, 4) uint8 on a plain background.

    Args:
        premultiplied: read the colours as already multiplied by alpha, as the published reader does.
    """
    alpha = rgba[..., 3:].astype(np.float64) / 255
    color = rgba[..., :3].astype(np.float64)
    mixed = (color if premultiplied else color * alpha) + background * (1 - alpha)
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def calib_world(rect: NDArray, size: tuple[int, int]) -> NDArray:
    """(4, 4) float64 from the picture's unit square to the crop's: crop = calib_world * picture.

    Both have their origin in the middle and y up; the picture's unit is half its width, the crop's half its side, z
    scales along. Its inverse puts the crops of all frames of a clip into one frame.

    Args:
        size: (width, height) of the picture.
    """
    x, y, width, height = (int(v) for v in rect)
    scale = size[0] / width
    out = np.diag([scale, scale, scale, 1.0])
    out[0, 3] = -scale * (x + width // 2 - size[0] // 2) / (size[0] // 2)
    out[1, 3] = scale * (y + height // 2 - size[1] // 2) / (size[0] // 2)
    return out
