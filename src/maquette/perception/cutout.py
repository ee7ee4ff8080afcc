"""The picture around one subject: cut from the full frame, shrunk if it is large, with its camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Frame

CROP_LIMIT = 2048  # pixels, longer side; larger crops are shrunk


def cut_out(pixels: NDArray, box: NDArray) -> tuple[NDArray, float]:
    """The crop (H, W, 3) of a box (4,) of whole pixels, and its pixels per pixel of the full frame, at most 1."""
    x0, y0, x1, y1 = box.astype(int)
    crop = pixels[y0:y1, x0:x1]
    longer = max(crop.shape[:2])
    if longer <= CROP_LIMIT:
        return crop.copy(), 1.0
    scale = CROP_LIMIT / longer
    size = max(2, round(crop.shape[1] * scale)), max(2, round(crop.shape[0] * scale))
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA), size[0] / crop.shape[1]


def camera_of(frame: Frame, box: NDArray, scale: float, crop: NDArray) -> Camera | None:
    """Pinhole of the full photo, centred, seen through the crop; None if the focal length is unknown."""
    if not frame.focal:
        return None
    centre = (np.array(frame.size) / 2 - box[:2]) * scale
    focal = frame.focal * scale
    intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], float)
    return Camera(intrinsics, np.eye(4), (crop.shape[1], crop.shape[0]))


def whole_pixels(low: NDArray, high: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) the box from corner to corner (2,) widened to whole pixels, within a frame (width, height)."""
    low = np.clip(np.floor(low), 0, np.array(size) - 2)
    return np.concatenate([low, np.clip(np.ceil(high), low + 2, size)])
