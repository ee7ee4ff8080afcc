"""From a photo to VRN's crop: its 68 landmarks decide where it lies; one affine sample takes it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces.regressor import align

CROPS = ("matlab", "bash")
FILL = 90 / 192  # share of the crop's side that the geometric mean side of the landmarks' box takes


def image_to_crop(
    landmarks: NDArray, side: int, crop: str = "matlab", fill: float = FILL, turn: float = 0.0
) -> NDArray:
    """(3, 3) similarity from pixels of the picture to pixels of the crop.

    Args:
        landmarks: (68, 2+) iBUG landmarks, pixels of the picture.
        side: of the crop, pixels.
        crop: "matlab" puts the landmarks' mean into the middle, as for the paper's numbers; "bash" puts the middle of
            their box at `fill * box side / mean side` from the corner, as the released script did.
        fill: see FILL.
        turn: radians by which the face leans clockwise; the crop stands upright.

    Raises:
        ValueError: no such crop, or all landmarks in one line.
    """
    points = np.asarray(landmarks, float)[:, :2]
    cos, sin = np.cos(turn), np.sin(turn)
    upright = np.array([[cos, sin], [-sin, cos]])
    turned = points @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    width, height = high - low
    if not width * height > 0:
        raise ValueError("landmarks: wanted 68 points of a face, got points in one line")
    scale = fill * side / np.sqrt(width * height)
    if crop == "matlab":
        centre, place = turned.mean(axis=0), np.full(2, side / 2)
    elif crop == "bash":
        centre, place = (low + high) / 2, scale * (high - low)
    else:
        raise ValueError(f"crop {crop!r}: wanted {' or '.join(CROPS)}")
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = scale * upright, place - scale * centre
    return matrix


def cut(pixels: NDArray, matrix: NDArray, side: int) -> NDArray:
    """(side, side, 3) uint8: the crop, black beyond the picture; large pictures are first shrunk without aliasing.

    Args:
        pixels: (H, W, 3) uint8.
        matrix: (3, 3) from `image_to_crop`; pixel (0, 0) is centred on (0.5, 0.5).
    """
    return align.cut(pixels, matrix[:2], side, cv2.BORDER_CONSTANT)
