"""What goes through to a person's back of what the front shows: colours along each row, no lettering, necks or hands.

A shirt's back is like its front but for what is there once: letters, buttons, a tie, the skin in a neckline, a hand on
the belly. The median along a row as wide as half a trunk leaves those out; hems, belts and stripes go on around.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from maquette.texturing.projection import PhotoView

TRUNK = ("root", "pelvis", "spine", "breast", "clavicle")
WINDOW_M = 0.30  # of a row: what is narrower than half of it is left out
FINE, COARSE = 300, 60  # pixels per metre down a picture and along its rows: as much as the median needs


def plain_rows(view: PhotoView) -> NDArray:
    """(H, W, 3) uint8: the photo, each pixel the median of its row around it."""
    height, width = view.photo.shape[:2]
    size = max(4, round(width * min(1, COARSE / view.metre))), max(4, round(height * min(1, FINE / view.metre)))
    small = cv2.resize(view.photo, size, interpolation=cv2.INTER_AREA)
    reach = 2 * max(1, round(WINDOW_M / 2 * view.metre * size[0] / width)) + 1
    rows = np.dstack([median_filter(small[..., k], size=(1, reach), mode="nearest") for k in range(3)])
    return np.asarray(cv2.resize(rows, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
