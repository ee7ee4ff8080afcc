"""The three networks of MVSNet (see `plane_sweep`): features of a photo, regularisation of the cost, refinement.

Sizes are those of the paper's network in its PyTorch version; names of the tensors are our own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Channels, kernel and stride of the convolutions that make features; each but the last is normalised.
FEATURES = ((8, 3, 1), (8, 3, 1), (16, 5, 2), (16, 3, 1), (16, 3, 1), (32, 5, 2), (32, 3, 1))
CHANNELS = 32


def sweep_features() -> nn.Sequential:
    """(N, 3, H, W) -> (N, 32, H / 4, W / 4)."""
    parts: list[nn.Module] = []
    before = 3
    for after, kernel, stride in FEATURES:
        conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
        parts += [conv, nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    return nn.Sequential(*parts, nn.Conv2d(before, CHANNELS, 3, padding=1))


class SweepRegularizer(nn.Module):
    """A variance volume (N, 32, D, H, W) -> cost (N, D, H, W); D, H and W are divisible by eight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _volume(CHANNELS, 8)
        self.down = nn.ModuleList(
            nn.Sequential(_volume(wide, 2 * wide, stride=2), _volume(2 * wide, 2 * wide)) for wide in (8, 16, 32)
        )
        self.up = nn.ModuleList(_larger_volume(wide, wide // 2) for wide in (64, 32, 16))
        self.last = nn.Conv3d(8, 1, 3, padding=1)

    def forward(self, variance: Tensor) -> Tensor:
        """The cost; what is finer is added on the way up."""
        kept = [self.first(variance)]
        for down in self.down:
            kept.append(down(kept[-1]))
        x = kept.pop()
        for up in self.up:
            x = kept.pop() + up(x)
        return self.last(x)[:, 0]


class SweepRefinement(nn.Module):
    """A photo (N, 3, H, W) and depth (N, 1, H, W) -> better depth."""

    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for before, after in ((4, 32), (32, 32), (32, 32)):
            parts += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*parts, nn.Conv2d(32, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1))

    def forward(self, photo: Tensor, depth: Tensor, span: tuple[float, float]) -> Tensor:
        """Depth with what the photo adds; `span` is the least and largest depth."""
        near, far = span
        share = (depth - near) / (far - near)
        return depth + (far - near) * self.layers(torch.cat([photo, share], 1))


def _volume(before: int, after: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv3d(before, after, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(after), nn.ReLU())


def _larger_volume(before: int, after: int) -> nn.Sequential:
    conv = nn.ConvTranspose3d(before, after, 3, 2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(after), nn.ReLU())
