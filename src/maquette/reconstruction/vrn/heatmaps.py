"""The guide of VRN-Guided: one map with one bump per landmark, behind the picture's three channels."""

from __future__ import annotations

import torch
from torch import Tensor

REACH = 3  # pixels on each side of the peak: 7 x 7 in all
DEVIATION = 1.75  # pixels: a quarter of those 7, as the authors' landmark code has it


def heatmaps(points: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, L, H, W) float32: 1 at each landmark's pixel, a Gaussian around it, 0 beyond 3 pixels.

    Args:
        points: (N, L, 2) pixels; one outside of the picture by more than 3 pixels has an empty map.
        size: (width, height).
    """
    peak = torch.floor(points)

    def profile(axis: int) -> Tensor:
        distance = torch.arange(size[axis], device=points.device) - peak[..., axis, None]
        return torch.where(distance.abs() <= REACH, torch.exp(-0.5 * (distance / DEVIATION) ** 2), 0.0)

    return profile(1)[..., :, None] * profile(0)[..., None, :]


def guided(crops: Tensor, points: Tensor) -> Tensor:
    """(N, 3 + L, H, W): RGB first, then the maps.

    Args:
        crops: (N, 3, H, W) RGB in 0-1.
        points: (N, L, 2) pixels of the crop.
    """
    return torch.cat([crops, heatmaps(points, (crops.shape[3], crops.shape[2])).to(crops.dtype)], dim=1)
