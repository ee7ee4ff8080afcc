"""The generator: a picture and a style to the picture in that style."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.imaging.translate.starganv2.blocks import SLOPE, HighPass, StarBlock, StyledBlock
from maquette.weights.convert.translate.starganv2 import StarSize

KEPT_SIDES = (32, 64, 128)  # of features whose details the high-pass filter carries over
INNER = 2  # blocks of the same size at the bottom, in each half


def laid_over(source: Tensor, made: Tensor) -> Tensor:
    """(N, 3, H, W): the first three channels of `made` (N, 4, H, W) over the source, as densely as the logit says."""
    return torch.lerp(source, made[:, :3].to(source), made[:, 3:].to(source).sigmoid())


class StarGenerator(nn.Module):
    """(N, 3, H, W) RGB in -1 to 1 and styles (N, 64) -> (N, 3, H, W), about -1 to 1, not clipped.

    Where `size.blends`, its picture is laid over the source, as densely as its fourth channel says.
    Pictures of another size than the one that it was made for work too, if sixteen divides it.
    """

    def __init__(self, size: StarSize) -> None:
        super().__init__()
        wide, alone = size.widths(size.bottom), size.high_pass > 0
        down = list(pairwise(wide))
        inner = [(wide[-1], wide[-1])] * INNER
        self.from_rgb = nn.Conv2d(3, wide[0], 3, padding=1)
        self.encode = nn.ModuleList(StarBlock(*pair, normed=True, halved=True) for pair in down)
        self.encode.extend(StarBlock(*pair, normed=True) for pair in inner)
        self.decode = nn.ModuleList(StyledBlock(*pair, size.style, alone=alone) for pair in inner)
        for after, before in reversed(down):
            self.decode.append(StyledBlock(before, after, size.style, doubled=True, alone=alone))
        self.to_rgb = nn.Sequential(
            nn.InstanceNorm2d(wide[0], affine=True), nn.LeakyReLU(SLOPE), nn.Conv2d(wide[0], size.channels, 1)
        )
        self.hpf = HighPass(size.high_pass) if alone else None

    def forward(self, x: Tensor, style: Tensor, masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The picture in the style; see `painted`."""
        made = self.painted(x, style, masks)
        return made if made.shape[1] == x.shape[1] else laid_over(x, made)

    def painted(self, x: Tensor, style: Tensor, masks: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The picture in the style, before it is laid over the source where `size.blends`: four channels then.

        Args:
            masks: of a network with a high-pass filter: where details are carried over, (N, 1, h, w) of any size, the
                first for features of 32 pixels, the second for those of 64 and 128.

        Raises:
            ValueError: masks for a network without a filter.
        """
        if masks is not None and self.hpf is None:
            raise ValueError("masks: this generator has no high-pass filter")
        kept: dict[int, Tensor] = {}
        x = self.from_rgb(x)
        for down in self.encode:
            if masks is not None and x.shape[2] in KEPT_SIDES:
                kept[x.shape[2]] = x
            x = down(x)
        for up in self.decode:
            x = up(x, style)
            side = x.shape[2]
            if masks is not None and self.hpf is not None and side in kept:
                mask = functional.interpolate(masks[side > KEPT_SIDES[0]], size=(side, side), mode="bilinear")
                x = x + self.hpf(mask * kept[side])
        return self.to_rgb(x)
