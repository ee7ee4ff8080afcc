"""Upright crops of one face: where they lie, and the patch of the picture that they are all sampled from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import apply, warp
from maquette.perception.copies import is_dark, shrunk, stretched
from maquette.perception.faces import topology
from maquette.perception.models import networks
from maquette.perception.models.results import MESH_INPUT, FaceDetection, FaceLandmarks
from maquette.perception.square import Square, upright_turn

CROP_PER_FACE = 1.5  # crop side over the landmarks' longer extent: what the network was trained with
SETTLING_CROPS = 2  # each is placed by the landmarks of the one before
WORKING_SIDE = 288  # pixels a crop's side has in the patch
REACH = 0.95  # half the patch's side over the crop's


class Jitter(NamedTuple):
    """How a crop differs from the one that is placed by the landmarks.

    Attributes:
        x, y: shift in shares of the side.
        scale: of the side.
        turn: radians.
        mirrored: whether the crop is mirrored.
    """

    x: float
    y: float
    scale: float
    turn: float
    mirrored: bool


def roll_of(landmarks: NDArray) -> float:
    """Turn of the face in the picture, radians, clockwise as seen; eye line and face height count by their length."""
    right = landmarks[list(topology.RIGHT_EYE_CORNERS), :2].mean(axis=0)
    left = landmarks[list(topology.LEFT_EYE_CORNERS), :2].mean(axis=0)
    return upright_turn(left - right, landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2])


def crop_square(landmarks: NDArray) -> Square:
    """The upright square around landmarks, as MediaPipe places its next crop."""
    roll = roll_of(landmarks)
    upright = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    turned = landmarks[:, :2] @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Square((low + high) / 2 @ upright, float(np.max(high - low)) * CROP_PER_FACE, roll)


def first_square(detection: FaceDetection) -> Square:
    """A first square; roll from eye line and eyes to mouth, each by its length: in a profile the eyes coincide."""
    right, left, _, mouth = detection.keypoints[:4]
    centre = (detection.box[:2] + detection.box[2:]) / 2
    side = float(np.max(detection.box[2:] - detection.box[:2])) * CROP_PER_FACE
    return Square(centre, max(side, 8.0), upright_turn(left - right, mouth - (right + left) / 2))


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of the picture, shrunk without aliasing, from which all crops of one face are sampled.

    Attributes:
        pixels: (h, w, 3) uint8.
        corner: (2,) int, where its first pixel lies in the full picture.
        scaling: (2,) pixels of the full picture for each of its own, x and y.
        square: where the face is, in its pixels.
    """

    pixels: NDArray
    corner: NDArray
    scaling: NDArray
    square: Square

    @classmethod
    def around(cls, pixels: NDArray, square: Square) -> Patch:
        """Cut out what holds the square at any turn, and somewhat more."""
        low, high = square.patch((pixels.shape[1], pixels.shape[0]), REACH)
        factor = min(1.0, WORKING_SIDE / square.side)
        halves = 2 ** int(np.log2(1 / factor))
        high = np.where(high - low < halves, high, high - (high - low) % halves)  # so that `shrunk` can halve it
        part = pixels[low[1] : high[1], low[0] : high[0]]
        size = np.maximum(1, np.round((high - low) * factor)).astype(int)
        if factor < 1:
            part = shrunk(part, (int(size[0]), int(size[1])))
        if is_dark(part):
            part = stretched(part)
        scaling = (high - low) / np.array(part.shape[1::-1])
        inside = Square((square.centre - low) / scaling, square.side / float(scaling.mean()), square.roll)
        return cls(part, low, scaling, inside)

    def covers(self, square: Square) -> bool:
        """Whether a crop is no larger and hardly elsewhere than this patch was made for."""
        drift = float(np.linalg.norm(square.centre - self.square.centre)) / self.square.side
        return drift < 0.15 and 0.75 < square.side / self.square.side < 1.15

    def moved(self, pixels: NDArray, square: Square) -> Patch:
        """A patch of the picture for another square, given in pixels of this patch."""
        centre, side = square.centre * self.scaling + self.corner, square.side * float(self.scaling.mean())
        return Patch.around(pixels, replace(square, centre=centre, side=side))

    def landmarks_in(self, square: Square, mirrored: bool = False) -> FaceLandmarks:
        """What the landmark network sees in one square, in pixels of the patch."""
        matrix = square.to_crop(MESH_INPUT, mirrored)
        points, presence = networks.find_landmarks(warp(self.pixels, matrix, (MESH_INPUT, MESH_INPUT)))
        if mirrored:
            points = points[topology.mirror()]
        flat = apply(cv2.invertAffineTransform(matrix), points[:, :2])
        return FaceLandmarks(np.column_stack([flat, points[:, 2] * square.side / MESH_INPUT]), presence)

    def to_full(self, landmarks: NDArray) -> NDArray:
        """Landmarks in pixels of the full picture."""
        return landmarks * np.append(self.scaling, self.scaling.mean()) + np.append(self.corner, 0)


def settled(pixels: NDArray, square: Square, believed: Callable[[FaceLandmarks], bool]) -> tuple[Patch, Square] | None:
    """A patch, and in its pixels the square in which the face stands by its own landmarks.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        square: where to begin, pixels of that picture.
        believed: whether landmarks, in pixels of the patch, show a face.

    Returns:
        None where a crop shows no face.
    """
    patch = Patch.around(pixels, square)
    square = patch.square
    for _ in range(SETTLING_CROPS):
        seen = patch.landmarks_in(square)
        if not believed(seen):
            return None
        square = crop_square(seen.landmarks)
        if not patch.covers(square):
            patch = patch.moved(pixels, square)
            square = patch.square
    return patch, square


def jittered(square: Square, jitter: Jitter) -> tuple[Square, bool]:
    """A square moved by shares of its side, scaled and turned; and whether its crop is mirrored."""
    centre = square.centre + np.array([jitter.x, jitter.y]) * square.side
    return Square(centre, square.side * jitter.scale, square.roll + jitter.turn), jitter.mirrored
