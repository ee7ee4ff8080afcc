"""Optical flow by a pyramid of small networks (SPyNet; Ranjan and Black, CVPR 2017), and pictures moved along it.

Convention:
    Flow: (N, 2, H, W) pixels, x right and y down, from a picture to where its points lie in the other.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS, MULTIPLE = 6, 32  # of the pyramid; sides are rounded up to multiples
WIDTHS = (8, 32, 64, 32, 16, 2)  # channels between the five convolutions of a level
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class FlowConvolution(nn.Module):
    """One convolution; it has a name inside, as in the published file."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class FlowLevel(nn.Module):
    """Both pictures and the flow so far to what is missing from it."""

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.Sequential(*(FlowConvolution(a, b) for a, b in pairwise(WIDTHS)))

    def forward(self, x: Tensor) -> Tensor:
        *first, last = self.basic_module
        for convolution in first:
            x = functional.relu(convolution(x))
        return last(x)


class SPyNet(nn.Module):
    """Optical flow between pictures.

    Example:
        >>> with torch.device("meta"):
        ...     network = SPyNet()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (1440300, 62)
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.ModuleList(FlowLevel() for _ in range(LEVELS))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(SPREAD).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        """(N, 2, H, W) flow from pictures (N, 3, H, W) in 0-1 to others."""
        height, width = pictures.shape[2:]
        up = [-(-side // MULTIPLE) * MULTIPLE for side in (height, width)]
        large = [resized(part, up) for part in (pictures, others)]
        flow = resized(self.pyramid(*large), [height, width])
        return flow * flow.new_tensor([width / up[1], height / up[0]]).view(1, 2, 1, 1)

    def pyramid(self, pictures: Tensor, others: Tensor) -> Tensor:
        """The flow of pictures whose sides are multiples of 32."""
        pairs = [((pictures - self.mean) / self.std, (others - self.mean) / self.std)]
        for _ in range(LEVELS - 1):
            pairs.append(tuple(functional.avg_pool2d(part, 2) for part in pairs[-1]))  # type: ignore[arg-type]
        count, _, height, width = pairs[-1][0].shape
        flow = pictures.new_zeros(count, 2, height, width)
        for level, (one, other) in zip(self.basic_module, reversed(pairs)):
            if one.shape != pairs[-1][0].shape:
                flow = 2 * functional.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
            seen = torch.cat((one, warped(other, flow, "border"), flow), 1)
            flow = flow + level(seen)
        return flow


def resized(picture: Tensor, size: list[int]) -> Tensor:
    """(N, C, *size), bilinear; the picture itself where it has that size."""
    if [*picture.shape[2:]] == size:
        return picture
    return functional.interpolate(picture, size, mode="bilinear", align_corners=False)


def warped(picture: Tensor, flow: Tensor, beyond: str = "zeros") -> Tensor:
    """(N, C, H, W): a picture as seen where the flow begins.

    Args:
        picture: (N, C, H, W). flow: (N, 2, H, W) pixels. beyond: the edge, "zeros" or "border".

    Example:
        >>> ramp = torch.arange(5.0).expand(1, 1, 5, 5)
        >>> warped(ramp, torch.full((1, 2, 5, 5), 0.5))[0, 0, 0].tolist()
        [0.5, 1.5, 2.5, 3.5, 2.0]
    """
    height, width = picture.shape[2:]
    rows = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    columns = torch.arange(width, dtype=flow.dtype, device=flow.device)
    x = 2 * (columns + flow[:, 0]) / max(width - 1, 1) - 1
    y = 2 * (rows + flow[:, 1]) / max(height - 1, 1) - 1
    return functional.grid_sample(picture, torch.stack((x, y), -1), padding_mode=beyond, align_corners=True)
