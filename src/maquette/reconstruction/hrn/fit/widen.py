"""The photo with a slightly wider jaw, so that a texture fitted to it takes no background along the outline."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

DEGREE = 0.03  # of the flow's square: how far pixels move where they move most
LONG_SIDE = 400  # pixels at which lines are drawn
ROOM = 0.5  # by which the face's box is widened to measure the lines' width
SHARE = 10  # line widths in the shorter side of that box
FLOW_SIDE = 100  # samples of the flow along a side
# Of 68 landmarks: the jaw, and what must not move: brows, nose, eyes, mouth; whether each is closed.
JAW = slice(0, 17)
INNER = (
    (slice(17, 22), False),
    (slice(22, 27), False),
    (slice(27, 31), False),
    (slice(31, 36), False),
    (slice(36, 42), True),
    (slice(42, 48), True),
    (slice(48, 60), True),
)
Line = tuple[NDArray, bool]


def widened(picture: NDArray, marks: NDArray) -> NDArray:
    """(H, W, 3) uint8: the picture of a face with 68 landmarks, (68, 2) pixels, its jaw widened."""
    box = np.concatenate([marks.min(axis=0), marks.max(axis=0)])
    flow = jaw_flow(picture.shape[:2], marks[JAW], [(marks[part], closed) for part, closed in INNER], box)
    rows, columns = np.indices(picture.shape[:2], np.float32)
    return cv2.remap(picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)


def jaw_flow(shape: tuple[int, int], jaw: NDArray, inner: Sequence[Line], box: NDArray) -> NDArray:
    """(H, W, 2) float32: where each pixel is taken from, less its place; it points to the face's middle.

    Args:
        shape: (H, W) of the picture. jaw: (N, 2) pixels. inner: lines that stay. box: (4,) x0, y0, x1, y1 of the face.
    """
    scale = LONG_SIDE / max(shape)
    size = tuple(LONG_SIDE if side == max(shape) else int(side * scale) for side in shape)
    box, width = box * scale, _line_width(box * scale, size)
    along = _blurred([(jaw * scale, False)], size, width, width)
    stays = _blurred([(points * scale, closed) for points, closed in inner], size, 2 * width, width)
    flow = _towards_middle(size, box) * (along * (1 - stays))[..., None]
    return cv2.resize(flow, (shape[1], shape[0])) / np.float32(scale)


def _line_width(box: NDArray, size: tuple[int, ...]) -> int:
    """Pixels of a line: a tenth of the widened box's shorter side."""
    low, high = np.trunc(box[:2]), np.trunc(box[2:])
    room = np.trunc((high - low) * ROOM)
    sides = np.minimum(high + room, size[::-1]) - np.maximum(low - room, 0)
    return max(1, int(sides.min()) // SHARE)


def _blurred(lines: Sequence[Line], size: tuple[int, ...], thick: int, width: int) -> NDArray:
    """(h, w) float32 in 0-1: lines of a thickness, softened."""
    mask = np.zeros(size, np.uint8)
    for points, closed in lines:
        cv2.polylines(mask, [points.astype(np.int32)], closed, 255, thick)
    kernel = 2 * width + 1
    return cv2.GaussianBlur(mask, (kernel, kernel), 0).astype(np.float32) / 255


def _towards_middle(size: tuple[int, ...], box: NDArray) -> NDArray:
    """(h, w, 2) float32 pixels towards the box's middle, most half way to the rim of a disc about it."""
    middle, flow = (box[:2] + box[2:]) / 2, np.zeros((*size, 2), np.float32)
    reach = [2 * np.max(box[2:] - box[:2]), *(2 * (middle - 1)), *(2 * (np.array(size[::-1]) - middle - 1))]
    side = int(min(reach))
    if side < 2:
        return flow
    offset = np.stack(np.meshgrid(*[np.arange(FLOW_SIDE) - FLOW_SIDE // 2] * 2), axis=2).astype(np.float32)
    share = np.linalg.norm(offset, axis=2, keepdims=True) / (FLOW_SIDE / 2)
    strength = np.clip(np.minimum(2 * share, 2 - 2 * share), 0, None) * (side * DEGREE)
    disc = -offset / np.maximum(np.linalg.norm(offset, axis=2, keepdims=True), 1) * strength
    left, top = (int(value - side / 2) for value in middle)
    right, bottom = (int(value + side / 2) for value in middle)
    flow[top:bottom, left:right] = cv2.resize(disc.astype(np.float32), (right - left, bottom - top))
    return flow
