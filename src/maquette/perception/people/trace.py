"""From a candidate to a person: 33 key points, how visible each is, the same in metres, and a first outline.

BlazePose's second network (Bazarevsky et al. 2020; Grishchenko et al. 2022 for the points in metres) on upright square
crops; each crop is placed by the points of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception import detect, mediapipe_graphs
from maquette.perception.mediapipe_graphs import POSE_INPUT, Pose
from maquette.perception.people import schemes
from maquette.perception.people.find import place_of
from maquette.perception.trace import Placement

POINTS = 33
PRESENT = 0.5  # presence below which a crop shows nobody, MediaPipe's value
CENTRE, RIM = 33, 34  # extra points: middle of the hips, and a point on the circle around the body
REFINE = 3  # cells of the heat map on each side of a point that draw on it
HOT = 0.5  # a point whose heat reaches this nowhere stays where it is; MediaPipe's values
WORKING_SIDE = 384  # pixels a crop's side has in the shrunk copy that it is sampled from


@dataclass(frozen=True, eq=False)
class Person:
    """One traced person, pixels of the full picture.

    Attributes:
        landmarks: (33, 3); z relative depth in the same unit, zero at the hips, smaller is nearer.
        visibility: (33,) 0-1: seen, neither hidden nor outside the picture.
        inside: (33,) 0-1: lies within the crop ("presence" of a point).
        metric: (33, 3) metres from the middle of the hips, in the axes of the picture: x right, y down, z away.
        presence: 0-1, that there is a person at all.
        score: 0-1, from the detector.
        place: the square on which the outline was drawn.
        following: the square on which to look for the person in the next frame.
        outline: (256, 256) float32 0-1, this person, on the pixels of `place`.
        note: how the person was found, "" on the first attempt.
    """

    landmarks: NDArray
    visibility: NDArray
    inside: NDArray
    metric: NDArray
    presence: float
    score: float
    place: Placement
    following: Placement
    outline: NDArray
    note: str = ""

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 around the outline and the key points that are seen."""
        inside = np.argwhere(self.outline > 0.5)[:, ::-1] + 0.5
        back = cv2.invertAffineTransform(self.place.to_crop(POSE_INPUT))
        points = np.concatenate([detect.apply(back, inside), self.landmarks[self.visibility > 0.5, :2]])
        points = points if len(points) else self.landmarks[:, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)])

    @property
    def size(self) -> float:
        """Diameter of the circle around the whole body, seen or not, pixels; hardly changes with the pose."""
        return self.following.side / 1.25


def trace(pixels: NDArray, place: Placement, score: float = 1.0, rounds: int = 2, note: str = "") -> Person | None:
    """Trace one candidate.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        place: where to look, in pixels of that picture.
        score: 0-1 of the detection.
        rounds: how often the crop is placed anew; 1 follows a person from frame to frame.

    Returns:
        The person, or None if the network sees none there.
    """
    person = None
    for _ in range(rounds):
        pose = mediapipe_graphs.trace_person(sampled(pixels, place))
        if pose.presence < PRESENT:
            return None
        person = _in_picture(pose, place, score, note)
        place = person.following
    return person


def sampled(pixels: NDArray, place: Placement, size: int = POSE_INPUT, mirrored: bool = False) -> NDArray:
    """(size, size, 3) uint8: the square without aliasing; beyond the picture its edge goes on."""
    factor = WORKING_SIDE / POSE_INPUT * size / place.side
    matrix = place.to_crop(size, mirrored)
    if factor >= 0.75:
        return detect.warp(pixels, matrix, (size, size))
    half = place.side * 0.75
    height, width = pixels.shape[:2]
    low = np.clip(np.floor(place.centre - half), 0, [width - 2, height - 2]).astype(int)
    high = np.clip(np.ceil(place.centre + half), low + 2, [width, height]).astype(int)
    wanted = np.maximum(1, np.round((high - low) * factor)).astype(int)
    patch = detect.shrunk(pixels[low[1] : high[1], low[0] : high[0]], tuple(wanted.tolist()))
    back = (high - low) / wanted
    to_full = np.array([[back[0], 0, low[0]], [0, back[1], low[1]], [0, 0, 1]])
    return detect.warp(patch, matrix @ to_full, (size, size))


def _in_picture(pose: Pose, place: Placement, score: float, note: str) -> Person:
    points = refined(pose.points[:, :3], pose.heat)
    scale = place.side / POSE_INPUT
    flat = detect.apply(cv2.invertAffineTransform(place.to_crop(POSE_INPUT)), points[:, :2])
    cos, sin = np.cos(place.roll), np.sin(place.roll)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return Person(
        landmarks=np.column_stack([flat, points[:, 2] * scale])[:POINTS],
        visibility=_share(pose.points[:POINTS, 3]),
        inside=_share(pose.points[:POINTS, 4]),
        metric=(pose.metric @ turn.T)[:POINTS],
        presence=pose.presence,
        score=score,
        place=place,
        following=place_of(flat[CENTRE], flat[RIM]),
        outline=_share(pose.mask).astype(np.float32),
        note=note,
    )


def refined(points: NDArray, heat: NDArray) -> NDArray:
    """Points drawn to the centre of the heat around them, as MediaPipe's RefineLandmarksFromHeatmap does.

    Args:
        points: (N, 3) pixels of the 256 x 256 input.
        heat: (64, 64, N) logits.
    """
    side = heat.shape[0]
    cells = points[:, :2] * side / POSE_INPUT
    whole = np.floor(cells).astype(int)
    step = np.arange(-REFINE, REFINE + 1)
    rows, columns = whole[:, 1, None, None] + step[:, None], whole[:, 0, None, None] + step
    valid = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    index = np.arange(len(points))[:, None, None]
    weight = _share(heat[np.clip(rows, 0, side - 1), np.clip(columns, 0, side - 1), index]) * valid
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-9)
    drawn = np.column_stack([(weight * columns).sum(axis=(1, 2)), (weight * rows).sum(axis=(1, 2))]) / total[:, None]
    hot = weight.max(axis=(1, 2)) >= HOT
    out = points.copy()
    out[hot, :2] = drawn[hot] * POSE_INPUT / side
    return out


def same(a: Person, b: Person) -> bool:
    """Whether two traced people are one: most of their trunk and head lie on each other."""
    trunk = [schemes.MEDIAPIPE_33.index(name) for name in schemes.TRUNK]
    apart = np.linalg.norm(a.landmarks[trunk, :2] - b.landmarks[trunk, :2], axis=1)
    return bool(np.median(apart) < 0.09 * min(a.size, b.size))


def _share(logits: NDArray) -> NDArray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
