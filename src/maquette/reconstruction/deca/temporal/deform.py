"""Modulated deformable convolution (Zhu et al., CVPR 2019) in plain torch, on any device, differentiable.

Offsets lie as torchvision has them: for each group and each of the kernel's places row by row, first y, then x.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL = 3


def deformed(x: Tensor, offsets: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(N, K, H, W): a 3x3 convolution, padded by zeros, whose samples are moved and weighed.

    Args:
        x: (N, C, H, W). offsets: (N, 2 G 9, H, W) pixels for G groups of channels. mask: (N, G 9, H, W).
        weight: (K, C, 3, 3). bias: (K,) or None.
    """
    count, channels, height, width = x.shape
    groups = mask.shape[1] // KERNEL**2
    samples, shares = sampled(x, offsets, groups), mask.reshape(count * groups, 1, KERNEL**2, -1)
    learns = torch.is_grad_enabled() and (samples.requires_grad or shares.requires_grad)
    samples = samples * shares if learns else samples.mul_(shares)
    # (N, C 9, H W), a channel's nine samples beside each other, as the weights are.
    rows = samples.view(count, channels * KERNEL**2, height * width)
    out = weight.flatten(1) @ rows
    if bias is not None:
        out = out + bias[:, None]
    return out.view(count, -1, height, width)


def sampled(x: Tensor, offsets: Tensor, groups: int) -> Tensor:
    """(N G, C / G, 9, H W): bilinear samples of x, zero beyond its edge."""
    count, channels, height, width = x.shape
    moved = offsets.view(count * groups, KERNEL**2, 2, height, width)
    steps = torch.arange(KERNEL, dtype=x.dtype, device=x.device) - KERNEL // 2
    down, across = (part.flatten()[None, :, None, None] for part in torch.meshgrid(steps, steps, indexing="ij"))
    rows = torch.arange(height, dtype=x.dtype, device=x.device)[:, None]
    columns = torch.arange(width, dtype=x.dtype, device=x.device)
    y = 2 * (moved[:, :, 0] + (down + rows)) / max(height - 1, 1) - 1
    x_place = 2 * (moved[:, :, 1] + (across + columns)) / max(width - 1, 1) - 1
    grid = torch.stack((x_place, y), -1).view(count * groups, KERNEL**2 * height, width, 2)
    parts = x.reshape(count * groups, channels // groups, height, width)
    found = functional.grid_sample(parts, grid, align_corners=True)
    return found.view(count * groups, channels // groups, KERNEL**2, height * width)


class DeformableConvolution(nn.Module):
    """The weights of `deformed`, with the published names."""

    def __init__(self, before: int, after: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(after, before, KERNEL, KERNEL))
        self.bias = nn.Parameter(torch.zeros(after))
        nn.init.uniform_(self.weight, -((9 * before) ** -0.5), (9 * before) ** -0.5)

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        return deformed(x, offsets, mask, self.weight, self.bias)
