"""The residual blocks that all networks of StarGAN v2 are built of, with the published names of their tensors.

Choi et al. 2020, "StarGAN v2: Diverse Image Synthesis for Multiple Domains" (CVPR, arXiv 1912.01865), appendix.
Written from a description of the published networks, without their code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every leaky ReLU
HALF = 0.5**0.5  # keeps the variance of a sum of two


def leaky(x: Tensor) -> Tensor:
    """The one activation of these networks."""
    return functional.leaky_relu(x, SLOPE)


class StarBlock(nn.Module):
    """(N, before, H, W) -> (N, after, H, W), or half as high and wide."""

    def __init__(self, before: int, after: int, normed: bool = False, halved: bool = False) -> None:
        super().__init__()
        self.halved = halved
        self.conv1 = nn.Conv2d(before, before, 3, padding=1)
        self.conv2 = nn.Conv2d(before, after, 3, padding=1)
        self.norm1 = nn.InstanceNorm2d(before, affine=True) if normed else None
        self.norm2 = nn.InstanceNorm2d(before, affine=True) if normed else None
        self.conv1x1 = nn.Conv2d(before, after, 1, bias=False) if before != after else None

    def _smaller(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 2) if self.halved else x

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways, of unit variance."""
        beside = self._smaller(self.conv1x1(x) if self.conv1x1 is not None else x)
        inner = self._smaller(self.conv1(leaky(self.norm1(x) if self.norm1 is not None else x)))
        inner = self.conv2(leaky(self.norm2(inner) if self.norm2 is not None else inner))
        return (beside + inner) * HALF


class StyledNorm(nn.Module):
    """Instance normalisation whose scale and shift come from a style (Huang and Belongie 2017, AdaIN)."""

    def __init__(self, width: int, style: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * width)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, width, H, W) for a style (N, 64)."""
        scale, shift = self.fc(style)[:, :, None, None].chunk(2, 1)
        return (1 + scale) * functional.instance_norm(x) + shift


class StyledBlock(nn.Module):
    """(N, before, H, W) and a style -> (N, after, H, W), or twice as high and wide.

    Attributes:
        alone: there is no second way: the generator's high-pass filter stands for it. Its kernel is in the published
            files nevertheless.
    """

    def __init__(self, before: int, after: int, style: int, doubled: bool = False, alone: bool = False) -> None:
        super().__init__()
        self.doubled, self.alone = doubled, alone
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.norm1, self.norm2 = StyledNorm(before, style), StyledNorm(after, style)
        self.conv1x1 = nn.Conv2d(before, after, 1, bias=False) if before != after else None

    def _larger(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0, mode="nearest") if self.doubled else x

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """The sum of both ways, of unit variance."""
        inner = self.conv1(self._larger(leaky(self.norm1(x, style))))
        inner = self.conv2(leaky(self.norm2(inner, style)))
        if self.alone:
            return inner
        beside = x if self.conv1x1 is None else self.conv1x1(x)  # a quarter of the work before it is made larger
        return (inner + self._larger(beside)) * HALF


class HighPass(nn.Module):
    """What a picture has beside its low frequencies, channel by channel: a pixel against its eight neighbours."""

    filter: Tensor

    def __init__(self, weight: float) -> None:
        """A kernel divided by the weight; one that was loaded replaces it."""
        super().__init__()
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8
        self.register_buffer("filter", kernel / weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), zeros around it."""
        channels = x.shape[1]
        return functional.conv2d(x, self.filter.expand(channels, 1, 3, 3), padding=1, groups=channels)
