"""The network that finds what a retouched picture has lost: a blend layer for each texel of the texture (a U-Net).

Ronneberger et al., U-Net, MICCAI 2015; the blend layer: Shafaei et al., AutoRetouch, WACV 2021. Names of the parts are
those of the published file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ENCODER = (64, 128, 256, 512, 512)
DECODER = (256, 128, 64, 64)
UNUSED = (256, 128, 64, 64)  # inputs of heads that only its training needed: dsoutc4 to dsoutc1


class DoubleConvolution(nn.Module):
    """Twice a 3x3 convolution, batch normalisation and ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (before, after):
            layers += [nn.Conv2d(width, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Nested(nn.Module):
    """A module under a name of its own, as the published keys have it.

    Args:
        name: of the attribute. module: that is called.
    """

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.name)(x)


class BlendNet(nn.Module):
    """A texture (N, 3, H, W) in -1 to 1 to a blend layer (N, 3, H, W) in 0-1; sides are multiples of 16.

    Example:
        >>> with torch.device("meta"):
        ...     network = BlendNet()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (13397007, 136)
    """

    def __init__(self) -> None:
        super().__init__()
        self.inc = Nested("conv", DoubleConvolution(3, ENCODER[0]))
        for k in range(1, len(ENCODER)):
            lower = nn.Sequential(nn.MaxPool2d(2), DoubleConvolution(ENCODER[k - 1], ENCODER[k]))
            self.add_module(f"down{k}", Nested("mpconv", lower))
        before = ENCODER[-1]
        for k, after in enumerate(DECODER, 1):
            self.add_module(f"up{k}", Nested("conv", DoubleConvolution(before + ENCODER[-1 - k], after)))
            before = after
        self.outc = Nested("conv", nn.Conv2d(before, 3, 1))
        for k, width in enumerate(UNUSED):
            self.add_module(f"dsoutc{len(UNUSED) - k}", Nested("conv", nn.Conv2d(width, 3, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """See the class.

        Raises:
            ValueError: other channels or sides.
        """
        if x.ndim != 4 or x.shape[1] != 3 or any(side % 16 for side in x.shape[2:]):
            raise ValueError(f"blend network: wanted (N, 3, H, W) with sides multiples of 16, got {tuple(x.shape)}")
        skips = [self.inc(x)]
        for k in range(1, len(ENCODER)):
            skips.append(self.get_submodule(f"down{k}")(skips[-1]))
        x = skips.pop()
        for k in range(1, len(DECODER) + 1):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = self.get_submodule(f"up{k}")(torch.cat((skips.pop(), x), 1))
        return torch.sigmoid(self.outc(x))
