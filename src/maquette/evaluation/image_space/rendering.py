"""What drawing heads and people again shares: normals as a camera sees them, textures, maps moved between crops."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera

PHOTOGRAPHED = 128  # of texture_confidence: from here on a texel was seen in a photo


def camera_normals(camera: Camera, normals: NDArray, corners: NDArray, weights: NDArray, inside: NDArray) -> NDArray:
    """(H, W, 3) float unit normals of what a camera sees: right, up, to the camera; zero outside.

    Args:
        normals: (V, 3) of the vertices, world.
        corners: (H, W, 3) int, the seen triangle's vertices; weights: (H, W, 3) barycentric.
        inside: (H, W) bool.
    """
    turned = np.einsum("hwk,hwkd->hwd", weights, normals[corners]) @ (camera.world_to_camera[:3, :3].T * [1, -1, -1])
    turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-9)
    return np.where(inside[..., None], turned, 0)


def sample_texture(texture: NDArray, uv: NDArray, interpolation: int = cv2.INTER_LINEAR) -> NDArray:
    """The texture, first row v = 1, at (H, W, 2) places."""
    height, width = texture.shape[:2]
    x, y = (uv[..., 0] * width - 0.5).astype(np.float32), ((1 - uv[..., 1]) * height - 0.5).astype(np.float32)
    return cv2.remap(texture, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)


def shrink_texture(texture: NDArray, uv: NDArray, patch: NDArray) -> NDArray:
    """The texture shrunk until a texel of the patch is about a pixel, so that sampling does not alias.

    Args:
        uv: (H, W, 2) where it will be sampled; patch: (H, W) bool, the pixels that count.
    """
    steps = np.linalg.norm(np.diff(uv, axis=1), axis=2)[patch[:, 1:] & patch[:, :-1]]
    texels = float(np.median(steps)) * texture.shape[1] if len(steps) else 1.0
    if texels <= 1.2:
        return np.ascontiguousarray(texture)
    size = max(1, round(texture.shape[1] / texels)), max(1, round(texture.shape[0] / texels))
    return cv2.resize(texture, size, interpolation=cv2.INTER_AREA)


def resample_box(
    values: NDArray,
    source: NDArray,
    target: NDArray,
    size: tuple[int, int],
    interpolation: int,
    border: int = cv2.BORDER_CONSTANT,
) -> NDArray:
    """A map of box `source` (4,) sampled on a grid of (width, height) of box `target` (4,).

    Args:
        values: (H, W) or (H, W, 3) float32 or uint8 in the pixels of `source`.
        interpolation, border: cv2's; beyond the source lies 0, or with BORDER_REPLICATE its nearest value.
    """
    own = np.array(values.shape[1::-1]) / (source[2:] - source[:2])
    x = ((np.arange(size[0]) + 0.5) * (target[2] - target[0]) / size[0] + target[0] - source[0]) * own[0] - 0.5
    y = ((np.arange(size[1]) + 0.5) * (target[3] - target[1]) / size[1] + target[1] - source[1]) * own[1] - 0.5
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(values, columns, rows, interpolation, borderMode=border)
