"""The network of 106 landmarks that ships with HRN (inverted residuals, Sandler et al., CVPR 2018; soft argmax).

Our own detector takes its place (`align`); it is here for who wants the published points. Names of the parts are those
of the published file.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maquette.perception.affine import for_cv2

POINTS = 106
SIDE = 224  # pixels of its picture
MEAN = (103.94, 116.78, 123.68)  # of blue, green and red, and subtracted from red, green and blue: learned so
ENLARGED = 1.35  # side of the crop over the larger side of what it is about
PASSES = 2  # the second crop is about the points of the first
# (before, after, stride, skip, wider) of blocks 2 to 17.
BLOCKS = (
    (64, 64, 1, False, 2),
    (64, 64, 2, False, 2),
    *[(64, 64, 1, True, 2)] * 4,
    (64, 128, 2, False, 2),
    (128, 128, 1, False, 4),
    *[(128, 128, 1, True, 4)] * 5,
    (128, 128, 1, False, 2),
    (128, 128, 2, False, 2),
    (128, 128, 1, False, 2),
)


class InvertedResidual(nn.Module):
    """1x1 to more channels, 3x3 in each, 1x1 back; plus the input where `skip`."""

    def __init__(self, before: int, after: int, stride: int, skip: bool, wider: int) -> None:
        super().__init__()
        inner = wider * before
        self.skip = skip
        self.conv = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, inner, 3, stride, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skip else self.conv(x)


class LandmarkNet(nn.Module):
    """A crop of a face to 106 points.

    Example:
        >>> with torch.device("meta"):
        ...     network = LandmarkNet()
        >>> sum(p.numel() for p in network.parameters())
        1722112
    """

    def __init__(self) -> None:
        super().__init__()
        self.block1 = _unit(3, 64, 2)
        for k, block in enumerate(BLOCKS, 2):
            self.add_module(f"block{k}", InvertedResidual(*block))
        self.block18 = _unit(128, 256, 1)
        self.block19 = nn.Conv2d(256, POINTS, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 212) in 0-1: x and y of each point, as shares of the crop's side.

        Args:
            x: (N, 3, 224, 224) RGB 0-255 less MEAN, divided by 255.
        """
        for k in range(1, 20):
            x = self.get_submodule(f"block{k}")(x)
        rows, columns = x.shape[2:]
        shares = torch.softmax(x.flatten(2), 2).unflatten(2, (rows, columns))
        # Its maps lie on their side: what counts along rows is called x.
        across = shares.sum(3) @ torch.arange(rows, dtype=x.dtype, device=x.device) / rows
        down = shares.sum(2) @ torch.arange(columns, dtype=x.dtype, device=x.device) / columns
        return torch.stack((across, down), 2).flatten(1)


def _unit(before: int, after: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.PReLU(after))


@torch.no_grad()
def read_points(network: LandmarkNet, pixels: NDArray, box: NDArray, swapped: bool = True) -> NDArray:
    """(106, 2) points of a face, pixels.

    Args:
        pixels: (H, W, 3) uint8 RGB. box: (4,) x0, y0, x1, y1 of the face.
        swapped: see `Compat.bgr_mean_on_rgb`; the published weights learned so.
    """
    mean = np.array(MEAN if swapped else MEAN[::-1], np.float32)
    low, high = np.asarray(box[:2], float), np.asarray(box[2:], float)
    found = np.zeros((POINTS, 2))
    for _ in range(PASSES):
        side = ENLARGED * (high - low).max()
        corner = (low + high) / 2 - side / 2
        to_crop = np.column_stack([SIDE / side * np.eye(2), -SIDE / side * corner])
        crop = cv2.warpAffine(pixels, for_cv2(to_crop), (SIDE, SIDE), borderValue=MEAN)
        picture = torch.from_numpy((crop.astype(np.float32) - mean) / 255).permute(2, 0, 1)[None]
        shares = network(picture.to(next(network.parameters()))).view(POINTS, 2).double().cpu().numpy()
        found = corner + shares * side
        low, high = found.min(axis=0), found.max(axis=0)
    return found
