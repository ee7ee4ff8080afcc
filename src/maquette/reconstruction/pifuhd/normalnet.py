"""The network that guesses a map of surface normals from a photo (the global generator of pix2pixHD, CVPR 2018).

Places in the sequence are those of the published files.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn


@dataclass(frozen=True)
class NormalSize:
    """How large a network of normals is.

    Attributes:
        channels: of its pictures.
        width: channels at full resolution.
        halvings: how often sides are halved and channels doubled.
        blocks: residual blocks at the lowest resolution.
    """

    channels: int = 3
    width: int = 64
    halvings: int = 4
    blocks: int = 9

    @property
    def multiple(self) -> int:
        """Sides of pictures are multiples of it."""
        return 2**self.halvings


class ResidualBlock(nn.Module):
    """Two mirrored 3x3 convolutions with instance normalisation, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class NormalNet(nn.Module):
    """A photo to normals.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = NormalNet()
        >>> sum(p.numel() for p in network.parameters())
        182443267
    """

    def __init__(self, size: NormalSize = NormalSize()) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), *_normed(nn.Conv2d(size.channels, size.width, 7))]
        widths = [size.width * 2**k for k in range(size.halvings + 1)]
        for before, after in pairwise(widths):
            layers += _normed(nn.Conv2d(before, after, 3, stride=2, padding=1))
        layers += [ResidualBlock(widths[-1]) for _ in range(size.blocks)]
        for before, after in pairwise(widths[::-1]):
            layers += _normed(nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1))
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(size.width, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in -1 to 1, x right, y up, z towards the viewer; not of unit length.

        Args:
            x: (N, channels, H, W), sides multiples of `size.multiple`.

        Raises:
            ValueError: other sides or channels.
        """
        size = self.size
        if x.ndim != 4 or x.shape[1] != size.channels or any(side % size.multiple for side in x.shape[2:]):
            raise ValueError(
                f"normals: wanted (N, {size.channels}, H, W) with sides multiples of {size.multiple},"
                f" got {tuple(x.shape)}"
            )
        return self.model(x)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]
