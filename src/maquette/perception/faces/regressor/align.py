"""The crop that the network reads: upright, and as large as the face."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import apply, for_cv2
from maquette.perception.square import Square

MARGIN = 1.4  # side of the crop over the larger extent of the landmarks
FOREHEAD, CHIN = 10, 152  # MediaPipe's topmost and lowest landmark: their line is upright also in profile


class CropJitter(NamedTuple):
    """How a crop differs from the one placed by the landmarks.

    Attributes:
        x, y: shift in shares of the crop.
        log_size: natural logarithm of the factor by which it is larger.
        turn: radians.
    """

    x: float = 0.0
    y: float = 0.0
    log_size: float = 0.0
    turn: float = 0.0


STILL = CropJitter()


def face_square(landmarks: NDArray) -> Square:
    """The upright square just around landmarks (478, 2+)."""
    points = np.asarray(landmarks, float)[:, :2]
    up = points[FOREHEAD] - points[CHIN]
    turn = float(np.arctan2(up[0], -up[1]))
    upright = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = points @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Square((low + high) / 2 @ upright, float((high - low).max()), turn)


def to_crop(face: Square, side: int, jitter: CropJitter = STILL) -> NDArray:
    """(2, 3) affine from pixels of the picture to pixels of the crop of `side` pixels around a face's square."""
    square = Square(face.centre, MARGIN * face.side * np.exp(jitter.log_size), face.roll + jitter.turn)
    matrix = square.to_crop(side)
    matrix[:, 2] += side * np.array([jitter.x, jitter.y])
    return matrix


def alignment(landmarks: NDArray, side: int, jitter: CropJitter = STILL) -> NDArray:
    """(2, 3) affine from pixels of the picture to pixels of the crop around landmarks (478, 2+); see `to_crop`."""
    return to_crop(face_square(landmarks), side, jitter)


def cut(pixels: NDArray, matrix: NDArray, side: int, border: int = cv2.BORDER_REPLICATE) -> NDArray:
    """(side, side, 3) uint8: the crop; pictures are shrunk without aliasing first. Pixel (0, 0) lies at (0.5, 0.5)."""
    matrix = np.array(matrix, float)
    factor = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if factor < 0.6:
        # Only the needed part is shrunk.
        corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], float)
        back = cv2.invertAffineTransform(matrix)
        at = apply(back, corners)
        low = np.clip(np.floor(at.min(0)).astype(int) - 2, 0, None)
        high = np.minimum(np.ceil(at.max(0)).astype(int) + 2, pixels.shape[1::-1])
        if (high - low).min() >= 2:
            part = pixels[low[1] : high[1], low[0] : high[0]]
            size = np.maximum(1, np.round((high - low) * factor * 1.2)).astype(int)
            pixels = cv2.resize(part, tuple(size.tolist()), interpolation=cv2.INTER_AREA)
            shrink = size / (high - low)
            matrix[:, 2] += matrix[:, :2] @ low
            matrix[:, :2] /= shrink
    return cv2.warpAffine(pixels, for_cv2(matrix), (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
