"""From a detection to a person: 33 key points, how visible each is, the same in metres, and a first outline.

BlazePose's second network (Bazarevsky et al. 2020; Grishchenko et al. 2022 for the points in metres) on upright square
crops; each crop is placed by the points of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import apply, warp
from maquette.perception.copies import shrunk
from maquette.perception.models import networks
from maquette.perception.models.results import POSE_INPUT, Pose
from maquette.perception.people import schemes
from maquette.perception.people.detect import CROP_PER_CIRCLE, body_square
from maquette.perception.square import Square

POINTS = 33
MIRROR = schemes.mirror("mediapipe33")
PRESENT = 0.5  # presence below which a crop shows nobody, MediaPipe's value
CENTRE, RIM = 33, 34  # extra points: middle of the hips, and a point on the circle around the body
# How far the key points of two crops may differ. Measured on 38 views of people (whole, half, dark, blurred, small) and
# 28 false finds in pictures of animals and things: people 0.017 at most, false ones 0.021 at least and never with a
# score above 0.70. Bodies without a head are 0.01 to 0.18.
STEADY, STEADY_IF_SURE = 0.019, 0.06
SURE = 0.75  # score of the detector
ASIDE = (0.04, 0.03, 1.1)  # the other crop: shift in shares of the side, scale
CLOSE_UP = 1.05  # side of a closer crop over the longer side of what is seen
BODY = 0.6  # such a side over that of the square around the whole body from which on the closer crop is worth it
ANYBODY = 0.9  # what an outline counts that does not keep people apart
WORKING_SIDE = 384  # pixels a crop's side has in the shrunk copy that it is sampled from
REACH = 0.75  # half that copy's side over the crop's


class Outline(NamedTuple):
    """Where a person is, as one network drew it.

    Attributes:
        square: where it was drawn, pixels of the full picture.
        mask: (256, 256) float32 0-1, on the pixels of the square.
        weight: what it counts beside others.
    """

    square: Square
    mask: NDArray
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Person:
    """One person with key points, pixels of the full picture.

    Attributes:
        landmarks: (33, 3); z relative depth in the same unit, zero at the hips, smaller is nearer.
        visibility: (33,) 0-1: seen, neither hidden nor outside the picture.
        inside: (33,) 0-1: lies within the crop ("presence" of a point).
        metric: (33, 3) metres from the middle of the hips, in the axes of the picture: x right, y down, z away.
        presence: 0-1, that there is a person at all.
        score: 0-1, from the detector.
        square: where the key points were found and the outline was drawn.
        following: the square in which to look for the person in the next frame.
        outline: (256, 256) float32 0-1, this person, on the pixels of `square`.
        closer: further outlines, drawn on squares that hold just what is seen.
        note: how the person was found, "" on the first attempt.
    """

    landmarks: NDArray
    visibility: NDArray
    inside: NDArray
    metric: NDArray
    presence: float
    score: float
    square: Square
    following: Square
    outline: NDArray
    closer: tuple[Outline, ...] = ()
    note: str = ""

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 around the outline and the key points that are seen."""
        inside = np.argwhere(self.outline > 0.5)[:, ::-1] + 0.5
        back = cv2.invertAffineTransform(self.square.to_crop(POSE_INPUT))
        points = np.concatenate([apply(back, inside), self.landmarks[self.visibility > 0.5, :2]])
        points = points if len(points) else self.landmarks[:, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)])

    @property
    def size(self) -> float:
        """Diameter of the circle around the whole body, seen or not, pixels; hardly changes with the pose."""
        return self.following.side / CROP_PER_CIRCLE


def find_key_points(
    pixels: NDArray, square: Square, score: float = 1.0, rounds: int = 2, note: str = ""
) -> Person | None:
    """The person in one square.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        square: where to look, in pixels of that picture.
        score: 0-1 of the detection.
        rounds: how often the crop is placed anew; 1 follows a person from frame to frame.
        note: goes into the result.

    Returns:
        The person, or None if the network sees none there.
    """
    person = None
    for _ in range(rounds):
        person = _person_in(pixels, square, score, note)
        if person is None:
            return None
        square = person.following
    return person


def confirmed(pixels: NDArray, person: Person) -> Person | None:
    """The mean of what was seen directly and in a mirror, or None if the two differ too much.

    Of a person both are alike, and the mean scatters a quarter less; on cats, cups and folds the points are elsewhere
    in every crop. A detection that is not sure is read once more, from a little farther.
    """
    mirrored = _person_in(pixels, person.square, person.score, person.note, mirrored=True)
    doubtful = person.score < SURE
    if mirrored is None or _apart(person, mirrored) > (STEADY if doubtful else STEADY_IF_SURE):
        return None
    if doubtful:
        square = person.square
        aside = Square(square.centre + np.array(ASIDE[:2]) * square.side, square.side * ASIDE[2], square.roll)
        again = _person_in(pixels, aside, person.score, person.note)
        if again is None or _apart(person, again) > STEADY:
            return None
    return replace(
        person,
        landmarks=(person.landmarks + mirrored.landmarks) / 2,
        visibility=(person.visibility + mirrored.visibility) / 2,
        inside=(person.inside + mirrored.inside) / 2,
        metric=(person.metric + mirrored.metric) / 2,
        outline=(person.outline + mirrored.outline) / 2,
    )


def _apart(a: Person, b: Person) -> float:
    """Median distance of the key points that are seen, over the person's size."""
    seen = a.visibility > 0.5
    apart = np.linalg.norm(a.landmarks[:, :2] - b.landmarks[:, :2], axis=1) / max(a.size, 1.0)
    return float(np.median(apart[seen])) if seen.any() else np.inf


def with_closer_outlines(pixels: NDArray, person: Person) -> Person:
    """The person with more outlines, drawn on a square that holds just what the picture shows of them.

    One is by the same network, if most of the body shows: it was not trained on people cut at the chest. The other is
    by the segmenter, which knows people in general, not this one, and counts less.
    """
    size = np.array(pixels.shape[1::-1], float)
    low, high = np.clip(person.box[:2], 0, size), np.clip(person.box[2:], 0, size)
    square = Square((low + high) / 2, max(float((high - low).max()) * CLOSE_UP, 8.0), 0.0)
    crop = sampled(pixels, square)
    closer = [Outline(square, np.clip(networks.segment(crop), 0, 1), ANYBODY)]
    if square.side > BODY * person.following.side:
        pose = networks.estimate_pose(crop)
        closer += [Outline(square, pose.mask)] if pose.presence >= PRESENT else []
    return replace(person, closer=(*person.closer, *closer))


def sampled(pixels: NDArray, square: Square, size: int = POSE_INPUT, mirrored: bool = False) -> NDArray:
    """(size, size, 3) uint8: the square without aliasing; beyond the picture its edge goes on."""
    factor = WORKING_SIDE / POSE_INPUT * size / square.side
    matrix = square.to_crop(size, mirrored)
    if factor >= 0.75:
        return warp(pixels, matrix, (size, size))
    low, high = square.patch((pixels.shape[1], pixels.shape[0]), REACH)
    wanted = np.maximum(1, np.round((high - low) * factor)).astype(int)
    patch = shrunk(pixels[low[1] : high[1], low[0] : high[0]], (int(wanted[0]), int(wanted[1])))
    back = (high - low) / wanted
    to_full = np.array([[back[0], 0, low[0]], [0, back[1], low[1]], [0, 0, 1]])
    return warp(patch, matrix @ to_full, (size, size))


def _person_in(pixels: NDArray, square: Square, score: float, note: str, mirrored: bool = False) -> Person | None:
    """What the network sees in one square."""
    pose = networks.estimate_pose(sampled(pixels, square, mirrored=mirrored))
    return _in_picture(pose, square, score, note, mirrored) if pose.presence >= PRESENT else None


def _in_picture(pose: Pose, square: Square, score: float, note: str, mirrored: bool) -> Person:
    flat = apply(cv2.invertAffineTransform(square.to_crop(POSE_INPUT, mirrored)), pose.points[:, :2])
    cos, sin = np.cos(square.roll), np.sin(square.roll)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    rows = MIRROR if mirrored else np.arange(POINTS)
    metric = pose.metric * ([-1, 1, 1] if mirrored else [1, 1, 1])
    return Person(
        landmarks=np.column_stack([flat, pose.points[:, 2] * square.side / POSE_INPUT])[rows],
        visibility=pose.visibility[rows],
        inside=pose.inside[rows],
        metric=(metric @ turn.T)[rows],
        presence=pose.presence,
        score=score,
        square=square,
        following=body_square(flat[CENTRE], flat[RIM]),
        outline=np.ascontiguousarray(pose.mask[:, ::-1] if mirrored else pose.mask),
        note=note,
    )


def same(a: Person, b: Person) -> bool:
    """Whether two finds are one person: most of their trunk and head lie on each other."""
    trunk = schemes.indices(*schemes.TRUNK)
    apart = np.linalg.norm(a.landmarks[trunk, :2] - b.landmarks[trunk, :2], axis=1)
    return bool(np.median(apart) < 0.09 * min(a.size, b.size))
