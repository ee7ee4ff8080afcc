"""The crop that the network reads: upright, and as large as the face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maquette.perception.faces.detect import apply, for_cv2
from maquette.perception.faces.landmarker import Placement

Array = np.ndarray
MARGIN = 1.4  # side of the crop over the larger extent of the landmarks
FOREHEAD, CHIN = 10, 152  # MediaPipe's topmost and lowest landmark: their line is upright also in profile


@dataclass(frozen=True, eq=False)
class Place:
    """Where a face is in a picture: centre (2,) and extent in pixels, turn in radians, clockwise as seen."""

    centre: Array
    extent: float
    turn: float

    def matrix(self, side: int, jitter: tuple[float, float, float, float] = (0, 0, 0, 0)) -> Array:
        """(2, 3) affine from pixels of the picture to pixels of the crop.

        Args:
            side: of the crop, pixels.
            jitter: shift x and y as shares of the crop, log of the size, turn in radians.
        """
        square = Placement(self.centre, MARGIN * self.extent * np.exp(jitter[2]), self.turn + jitter[3])
        matrix = square.to_crop(side)
        matrix[:, 2] += side * np.array(jitter[:2])
        return matrix


def place_of(landmarks: Array) -> Place:
    """The upright square around landmarks (478, 2+)."""
    points = np.asarray(landmarks, float)[:, :2]
    up = points[FOREHEAD] - points[CHIN]
    turn = float(np.arctan2(up[0], -up[1]))
    upright = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = points @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Place((low + high) / 2 @ upright, float((high - low).max()), turn)


def alignment(landmarks: Array, side: int, jitter: tuple[float, float, float, float] = (0, 0, 0, 0)) -> Array:
    """(2, 3) affine from pixels of the picture to pixels of the crop around landmarks (478, 2+); see `Place.matrix`."""
    return place_of(landmarks).matrix(side, jitter)


def cut(pixels: Array, matrix: Array, side: int, border: int = cv2.BORDER_REPLICATE) -> Array:
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
