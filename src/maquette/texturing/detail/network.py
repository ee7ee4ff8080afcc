"""A small U-Net from what a photo shows of the skin to the heights of its folds, and how sure they are."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from maquette.texturing.detail.evidence import Evidence

PLANES = 15  # of the input
UNIT_M = 1e-4  # of the output's heights
MULTIPLE = 16  # of the sides
# Gains before tanh of brightness and tint, and of what changes slowly; a pixel of MIDDLE_M metres is zero.
FINE_GAIN, TINT_GAIN = 4.0, 6.0
BASE_GAIN, LEVEL_GAIN = 1.5, 0.5
MIDDLE_M, PIXEL_M = 5e-4, (1e-4, 5e-3)
FLIPPED = (7, 13)  # planes that change their sign in a mirror: the response across and the place across


class FoldNet(nn.Module):
    """An encoder that halves four times and a decoder beside it (Ronneberger et al. 2015).

    Args:
        widths: channels of the stages, from the full size down.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(_stage(a, b) for a, b in pairwise((PLANES, *widths)))
        self.narrow = nn.ModuleList(nn.Conv2d(wide, less, 1) for less, wide in pairwise(widths))
        self.decoder = nn.ModuleList(_stage(2 * width, width) for width in widths[:-1])
        self.read = nn.Conv2d(widths[0], 2, 3, padding=1)
        for value in self.read.parameters():
            nn.init.zeros_(value)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2, H, W): heights in UNIT_M, log of their error's scale; of (N, PLANES, H, W), multiples of 16."""
        x = x.contiguous(memory_format=torch.channels_last)
        stages: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x if not stages else functional.max_pool2d(x, 2))
            stages.append(x)
        for narrow, decode, skipped in zip(reversed(self.narrow), reversed(self.decoder), stages[-2::-1]):
            larger = functional.interpolate(narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(torch.cat([larger, skipped], dim=1))
        return self.read(x)


def _stage(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def input_planes(seen: Evidence, zones: NDArray) -> NDArray:
    """(PLANES, h, w) float32 of what a photo shows, (h, w).

    Args:
        zones: (6, h, w), those of the chart.
    """
    slow = np.stack([seen.base, np.full_like(seen.base, seen.level), *np.moveaxis(seen.response, 2, 0), seen.pixel])
    return planes_of(seen.fine, seen.tint, seen.weight, slow, zones)


def planes_of(fine: NDArray, tint: NDArray, weight: NDArray, slow: NDArray, zones: NDArray) -> NDArray:
    """(PLANES, h, w) float32, see `Evidence`.

    Args:
        fine, weight: (h, w). tint: (h, w, 2).
        slow: (5, h, w) or smaller: base, level, response down and right, metres a pixel.
        zones: (6, h, w).
    """
    shown = np.minimum(1, 4 * weight)[None]
    slow = slow.astype(np.float32)
    slow[4] = np.log(np.clip(slow[4], *PIXEL_M) / MIDDLE_M)
    slow[0] *= BASE_GAIN
    slow[1] *= LEVEL_GAIN
    if slow.shape[1:] != weight.shape:
        slow = np.stack([cv2.resize(p, weight.shape[::-1], interpolation=cv2.INTER_LINEAR) for p in slow])
    rough = np.tanh(FINE_GAIN * fine.astype(np.float32))[None] * shown
    colour = np.tanh(TINT_GAIN * np.moveaxis(tint.astype(np.float32), 2, 0)) * shown
    return np.concatenate([rough, colour, weight[None], slow, zones]).astype(np.float32)


def mirrored_planes(planes: NDArray) -> NDArray:
    """The planes (PLANES, h, w) of the face in a mirror; the zones' own symmetry is the chart's."""
    turned = planes[:, :, ::-1].copy()
    turned[list(FLIPPED)] *= -1
    return turned


@torch.inference_mode()
def guessed(network: nn.Module, planes: NDArray) -> tuple[NDArray, NDArray]:
    """(h, w) float32 metres each: heights, and the scale of their error."""
    height, width = planes.shape[1:]
    padded = np.pad(planes, ((0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE)), mode="edge")
    found = network(torch.from_numpy(padded)[None])[0, :, :height, :width].numpy()
    return found[0] * np.float32(UNIT_M), np.exp(np.clip(found[1], -4, 3)) * np.float32(UNIT_M)
