"""A small U-Net from an upright crop of a head to what each of its pixels shows."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maquette.perception.faces import topology
from maquette.perception.faces.regressor.network import normalise

CHANNELS = 5  # red, green, blue, the person's mask, the drawn face
DRAWN_FACE, DRAWN_PARTS = 100, 255  # values of the drawn face: inside its oval, and eyes, brows and lips


class Area(IntEnum):
    """What a pixel shows; the channel of the network's output."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    BEARD = 3
    GLASSES = 4
    CLOTHES = 5
    COVER = 6


class HeadParser(nn.Module):
    """An encoder of residual blocks (He et al. 2016) and a decoder that adds its stages (Ronneberger et al. 2015).

    Args:
        widths: channels of the stages, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the crop.
        depths: residual blocks of the stages.
    """

    def __init__(
        self, widths: tuple[int, ...] = (12, 24, 48, 80, 112), depths: tuple[int, ...] = (0, 1, 2, 3, 3)
    ) -> None:
        super().__init__()
        before = (CHANNELS, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(_convolution(narrow, wide, 2), *[_ResidualBlock(wide) for _ in range(depth)])
            for narrow, wide, depth in zip(before, widths, depths, strict=True)
        )
        self.narrow = nn.ModuleList(nn.Conv2d(wide, less, 1) for less, wide in pairwise(widths))
        self.decoder = nn.ModuleList(_convolution(width, width) for width in widths[:-1])
        self.read = nn.Conv2d(widths[0], len(Area), 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (N, 7, S / 2, S / 2), channels as in `Area`, of `network_input` (N, 5, S, S); S a multiple of 32."""
        # Channels last in memory: a processor convolves a fifth to a third faster.
        x = crops.contiguous(memory_format=torch.channels_last)
        stages: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x)
            stages.append(x)
        for narrow, decode, skipped in zip(reversed(self.narrow), reversed(self.decoder), stages[-2::-1]):
            larger = nn.functional.interpolate(narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(larger + skipped)
        return self.read(x)


def network_input(crops: Tensor, person: Tensor, face: Tensor) -> Tensor:
    """(N, 5, S, S) float32 of uint8 crops (N, 3, S, S), person masks and drawn faces (N, S, S)."""
    others = torch.stack([person, face], dim=1).float() / 127.5 - 1
    return torch.cat([normalise(crops.float()), others], dim=1)


def drawn_face(landmarks: NDArray, side: int) -> NDArray:
    """(side, side) uint8: the oval of a face, its eyes, brows and lips, from landmarks (478, 2+) in pixels of it."""
    drawn = np.zeros((side, side), np.uint8)
    points = np.round(np.clip(landmarks[:, :2], -4 * side, 4 * side) * 16 - 8).astype(np.int32)
    _fill(drawn, points, topology.FACE_OVAL, DRAWN_FACE)
    for part in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.LIPS, topology.RIGHT_BROW, topology.LEFT_BROW):
        _fill(drawn, points, part, DRAWN_PARTS)
    return drawn


def _fill(drawn: NDArray, points: NDArray, outline: tuple[int, ...], value: int) -> None:
    cv2.fillPoly(drawn, [points[list(outline)]], (value,), cv2.LINE_AA, shift=4)


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(x + self.second(self.first(x)))
