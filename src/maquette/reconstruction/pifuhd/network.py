"""PIFuHD: occupancy at points from a coarse and a fine level, both of which see guessed normals (Saito et al. 2020).

Convention:
    Model space of points: the square crop spans -1 to 1, x right, y up, z towards the viewer; orthographic.
    Pictures: RGB in -1 to 1, black (-1) where the crop leaves the photo.
    Sampling keeps corners (align_corners): x = -1 is the centre of the first feature, x = 1 of the last.

Names of the parts are those of the published files: the coarse level is nested as `netG`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.pifuhd.hourglass import FilterSize, ImageFilter
from maquette.reconstruction.pifuhd.mlp import PointMLP, PointSize
from maquette.reconstruction.pifuhd.normalnet import NormalNet, NormalSize

COARSE, COARSE_POINTS = FilterSize(), PointSize()
FINE = FilterSize(stacks=1, depth=4, features=16, halved=False)
FINE_POINTS = PointSize(widths=(272, 512, 256, 128, 1), skips=(1, 2), merge=-1)
NORMALS = NormalSize()


@dataclass(frozen=True)
class PIFuHDSize:
    """How large the network is; the default is the published one.

    Attributes:
        coarse, coarse_points: the level that sees the whole person; its points also have their depth.
        fine, fine_points: the level at twice the resolution, whose points take the coarse level's activation.
        normals: of both networks of normals.
        side: of the coarse picture, pixels; the fine one has twice as many.
        depth: that z is divided by, pixels.
    """

    coarse: FilterSize = COARSE
    coarse_points: PointSize = COARSE_POINTS
    fine: FilterSize = FINE
    fine_points: PointSize = FINE_POINTS
    normals: NormalSize = NORMALS
    side: int = 512
    depth: float = 200.0

    def __post_init__(self) -> None:
        merged = self.coarse_points.widths[self.coarse_points.merge + 1]
        wanted = {"coarse": self.coarse.features + 1, "fine": self.fine.features + merged}
        for name, points in (("coarse", self.coarse_points), ("fine", self.fine_points)):
            if points.widths[0] != wanted[name]:
                raise ValueError(f"{name} points: wanted {wanted[name]} channels, got {points.widths[0]}")

    def depth_feature(self, z: Tensor) -> Tensor:
        """What the coarse level sees of z: 1.28 z in the published network."""
        return z * (self.side // 2) / self.depth


@dataclass(frozen=True, eq=False)
class PIFuHDFeatures:
    """Features of the pictures, once for all points.

    Attributes:
        coarse: (N, C, h, w) of the coarse level.
        fine: (N, c, H, W) of the fine level.
        front, back: (N, 3, S, S) guessed normals in -1 to 1, as the coarse picture.
    """

    coarse: Tensor
    fine: Tensor
    front: Tensor
    back: Tensor


class CoarseNet(nn.Module):
    """The coarse level with both networks of normals."""

    def __init__(self, size: PIFuHDSize) -> None:
        super().__init__()
        self.image_filter = ImageFilter(size.coarse)
        self.mlp = PointMLP(size.coarse_points)
        self.netF = NormalNet(size.normals)
        self.netB = NormalNet(size.normals)


class PIFuHD(nn.Module):
    """The whole network: `prepare` once per picture, then log-odds for any points, see `field.Field`.

    Attributes:
        size: how large it is.
        crop: "fullbody", "upperbody" or "face": what its pictures show. Known of a network that `weights.load` read.

    Example:
        >>> with torch.device("meta"):
        ...     network = PIFuHD()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (387049625, 764)
    """

    size: PIFuHDSize
    crop: str

    def __init__(self, size: PIFuHDSize = PIFuHDSize()) -> None:
        super().__init__()
        self.size = size
        self.image_filter = ImageFilter(size.fine)
        self.mlp = PointMLP(size.fine_points)
        self.netG = CoarseNet(size)

    def prepare(self, small: Tensor, large: Tensor) -> PIFuHDFeatures:
        """PIFuHDFeatures of pictures.

        Args:
            small: (N, 3, S, S) RGB in -1 to 1, the coarse picture; S = 512 as published, any multiple of 32 works.
            large: (N, 3, 2 S, 2 S) the same crop, fine.

        Raises:
            ValueError: other shapes.
        """
        front, back = self.netG.netF(small), self.netG.netB(small)
        coarse = self.netG.image_filter(torch.cat((small, front, back), 1))[-1]
        return PIFuHDFeatures(coarse, self.fine_features(large, front, back), front, back)

    def fine_features(self, large: Tensor, front: Tensor, back: Tensor) -> Tensor:
        """(N, c, H, W) of the fine level, from the fine picture and normals of the coarse one."""
        normals = torch.cat((front, back), 1)
        normals = functional.interpolate(normals, size=large.shape[2:], mode="bilinear", align_corners=True)
        return self.image_filter(torch.cat((large, normals), 1))[-1]

    def coarse_logits(self, features: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """(N, P) log-odds of the coarse level and (N, P, 256) what the fine one takes, both unmasked."""
        z = self.size.depth_feature(points[..., 2:])
        logits, merged = self.netG.mlp(torch.cat((sampled(features, points), z), -1))
        return logits[..., 0], merged

    def fine_logits(self, features: Tensor, points: Tensor, merged: Tensor) -> Tensor:
        """(N, P) log-odds of the fine level, unmasked."""
        return self.mlp(torch.cat((sampled(features, points), merged), -1))[0][..., 0]


def sampled(features: Tensor, points: Tensor) -> Tensor:
    """(N, P, C) features at points between pixels, 0 beyond the outermost ones.

    Args:
        features: (N, C, H, W) maps of the whole crop.
        points: (N, P, 2 or 3) model space; z is left out of account.
    """
    places = torch.stack((points[..., 0], -points[..., 1]), -1)[:, :, None]
    found = functional.grid_sample(features, places, mode="bilinear", padding_mode="zeros", align_corners=True)
    return found[..., 0].transpose(1, 2)
