"""The square of a photo that MVF-Net sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maquette.reconstruction.mvfnet.decode import SIDE

RAISED = 0.12  # of the landmarks' height by which the square's middle lies above theirs
GROWN = 1.5  # the square's side to the larger side of the landmarks' box


def face_crop(pixels: NDArray, landmarks: NDArray) -> NDArray:
    """(224, 224, 3) uint8; black beyond the photo.

    Args:
        pixels: (H, W, 3) uint8. landmarks: (68, 2) pixels of the photo.
    """
    low, high = landmarks.min(0), landmarks.max(0)
    wide, tall = high - low
    middle = (low + high) / 2 - [0, RAISED * tall]
    half = GROWN * max(wide, tall) / 2
    left, top = np.round(middle - half).astype(int)
    box = (int(left), int(top), int(left + round(2 * half)), int(top + round(2 * half)))
    return np.asarray(Image.fromarray(pixels).crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
