"""The photo of a result, cut to one cell of a sheet, and the camera that goes with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.camera import project
from maquette.outputs.asset import Asset
from maquette.outputs.pictures.views import backdrop

PHOTO_FILL = 0.80  # of the cell's height that the subject takes in the photo's view


@dataclass(frozen=True, eq=False)
class Window:
    """The part of the crop that a cell shows.

    Attributes:
        photo: (h, w, 3) uint8, the crop's pixels in the cell.
        camera: the photo's camera for the cell's pixels.
    """

    photo: NDArray
    camera: Camera


def photo_window(asset: Asset, cell: tuple[int, int]) -> Window:
    """Head and hair in the first photo, cut to a cell (width, height); beyond the crop the backdrop shows."""
    import cv2

    camera, pixels = asset.result.reconstruction.cameras[0], asset.result.observations[0].frame.pixels
    height, width = pixels.shape[:2]
    parts = [asset.posed_part(part) for part in asset.result.reconstruction.parts]
    seen, _ = project(camera, np.concatenate([asset.mesh.vertices, *parts]).astype(float))
    low, high = seen.min(axis=0), seen.max(axis=0)
    tall = max((high[1] - low[1]) / PHOTO_FILL, (high[0] - low[0]) / 0.92 * cell[1] / cell[0])
    zoom = cell[1] / tall
    span = np.array(cell) / zoom
    corner = (low + high) / 2 - span / 2
    free = np.array([width, height]) - span
    corner = np.where(free >= 0, np.clip(corner, 0, np.maximum(free, 0)), np.clip(corner, np.minimum(free, 0), 0))
    shift = np.array([[zoom, 0, -corner[0] * zoom], [0, zoom, -corner[1] * zoom]])
    intrinsics = np.vstack([shift, [0, 0, 1]]) @ camera.intrinsics
    # cv2 puts the first pixel's centre at 0, we at 0.5
    shift[:, 2] += 0.5 * zoom - 0.5
    if zoom < 0.7:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.35 / zoom)
    photo = cv2.warpAffine(pixels, shift, cell, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones((height, width), np.float32), shift, cell, flags=cv2.INTER_LINEAR)[..., None]
    if covered.min() < 1:
        photo = (photo * covered + backdrop(cell) * (1 - covered)).clip(0, 255).astype(np.uint8)
    return Window(photo, Camera(intrinsics, camera.world_to_camera, cell, camera.projection))
