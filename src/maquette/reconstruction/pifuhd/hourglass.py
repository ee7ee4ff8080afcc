"""Stacked hourglasses that turn a picture into features per pixel (Newell et al., ECCV 2016; PIFuHD's sizes).

Names of the parts are those of the published files, so their tensors have the same keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 32  # of every normalisation, where the channels allow it


@dataclass(frozen=True)
class FilterSize:
    """How large a picture's filter is.

    Attributes:
        channels: of its pictures.
        stacks: hourglasses one after another.
        depth: levels of each.
        features: channels that come out.
        halved: whether features have a quarter of the picture's side, else half of it.
        width: channels of the hourglasses, divisible by 16.
        enlarge: how levels are enlarged: "bicubic" as published, or "bilinear", which costs a tenth of the time.
    """

    channels: int = 9
    stacks: int = 4
    depth: int = 2
    features: int = 256
    halved: bool = True
    width: int = 256
    enlarge: str = "bicubic"

    @property
    def stride(self) -> int:
        """Pixels of the picture per feature."""
        return 4 if self.halved else 2

    @property
    def multiple(self) -> int:
        """Sides of pictures are multiples of it."""
        return self.stride * 2**self.depth


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in 32 groups, or as many as divide both 32 and the channels."""
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


class ConvBlock(nn.Module):
    """Three 3x3 convolutions in a row, normalised before, their outputs side by side, plus the skip.

    Example:
        >>> sum(p.numel() for p in ConvBlock(256, 256).parameters())
        406912
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        half, quarter = after // 2, after // 4
        self.conv1 = nn.Conv2d(before, half, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.bn1, self.bn2, self.bn3 = norm(before), norm(half), norm(quarter)
        # Unused where widths are equal, and in the files all the same; else it has two names there.
        self.bn4 = norm(before)
        self.downsample: nn.Sequential | None = None
        if before != after:
            self.downsample = nn.Sequential(self.bn4, nn.ReLU(), nn.Conv2d(before, after, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(functional.relu(self.bn1(x)))
        second = self.conv2(functional.relu(self.bn2(first)))
        third = self.conv3(functional.relu(self.bn3(second)))
        skip = x if self.downsample is None else self.downsample(x)
        return torch.cat((first, second, third), 1) + skip


class HourGlass(nn.ModuleDict):
    """Levels of halved pictures, each added to the one above; the outermost is `depth`, the innermost 1."""

    def __init__(self, depth: int, width: int, enlarge: str = "bicubic") -> None:
        super().__init__()
        self.depth, self.enlarge = depth, enlarge
        for level in range(depth, 0, -1):
            self[f"b1_{level}"], self[f"b2_{level}"] = ConvBlock(width, width), ConvBlock(width, width)
        self["b2_plus_1"] = ConvBlock(width, width)
        for level in range(1, depth + 1):
            self[f"b3_{level}"] = ConvBlock(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self._level(self.depth, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        lower = self[f"b2_{level}"](functional.avg_pool2d(x, 2))
        lower = self._level(level - 1, lower) if level > 1 else self["b2_plus_1"](lower)
        lower = self[f"b3_{level}"](lower)
        larger = functional.interpolate(lower, scale_factor=2, mode=self.enlarge, align_corners=True)
        return self[f"b1_{level}"](x) + larger


class ImageFilter(nn.ModuleDict):
    """A picture to features, one map per stack.

    Example:
        >>> sum(p.numel() for p in ImageFilter(FilterSize()).parameters())
        14439680
    """

    def __init__(self, size: FilterSize = FilterSize()) -> None:
        super().__init__()
        self.size = size
        width, half, quarter = size.width, size.width // 2, size.width // 4
        self["conv1"] = nn.Conv2d(size.channels, quarter, 7, stride=2, padding=3)
        self["bn1"] = norm(quarter)
        self["conv2"], self["conv3"] = ConvBlock(quarter, half), ConvBlock(half, half)
        self["conv4"] = ConvBlock(half, width)
        for k in range(size.stacks):
            self[f"m{k}"], self[f"top_m_{k}"] = HourGlass(size.depth, width, size.enlarge), ConvBlock(width, width)
            self[f"conv_last{k}"], self[f"bn_end{k}"] = nn.Conv2d(width, width, 1), norm(width)
            self[f"l{k}"] = nn.Conv2d(width, size.features, 1)
            if k < size.stacks - 1:
                self[f"bl{k}"], self[f"al{k}"] = nn.Conv2d(width, width, 1), nn.Conv2d(size.features, width, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of every stack, (N, features, H / stride, W / stride) each; the last one is what counts.

        Args:
            x: (N, channels, H, W), sides multiples of `size.multiple`.

        Raises:
            ValueError: other sides or channels.
        """
        self._expect(x)
        x = functional.relu(self["bn1"](self["conv1"](x)))
        x = self["conv2"](x)
        if self.size.halved:
            x = functional.avg_pool2d(x, 2)
        x = self["conv4"](self["conv3"](x))
        found = []
        for k in range(self.size.stacks):
            inner = self[f"top_m_{k}"](self[f"m{k}"](x))
            inner = functional.relu(self[f"bn_end{k}"](self[f"conv_last{k}"](inner)))
            found.append(self[f"l{k}"](inner))
            if k < self.size.stacks - 1:
                x = x + self[f"bl{k}"](inner) + self[f"al{k}"](found[-1])
        return found

    def _expect(self, x: Tensor) -> None:
        size = self.size
        if x.ndim != 4 or x.shape[1] != size.channels or any(side % size.multiple for side in x.shape[2:]):
            raise ValueError(
                f"image filter: wanted (N, {size.channels}, H, W) with sides multiples of {size.multiple},"
                f" got {tuple(x.shape)}"
            )
