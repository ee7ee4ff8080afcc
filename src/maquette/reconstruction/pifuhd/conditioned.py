"""The small network that ships: PIFuHD's two levels and normals, conditioned on the fitted body to need little data.

As PaMIR (Zheng et al. 2021) and ICON (Xiu et al. 2022) it sees where the body is: rendered normals and depths of both
sides beside the picture, and at each point the signed distance to the body.

Convention:
    As `network`: the square crop spans -1 to 1, x right, y up, z towards the viewer; z is 0 at the body's pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.pifuhd.hourglass import FilterSize, ImageFilter
from maquette.reconstruction.pifuhd.mlp import PointMLP, PointSize
from maquette.reconstruction.pifuhd.network import sampled

PICTURE = ("red", "green", "blue", "mask")
BODY = ("front x", "front y", "front z", "back x", "back y", "back z", "front depth", "back depth")
GUIDES = 3  # of a column: the body's front and back depth, and whether there is a body
OWN = 2  # of a point: its depth, and its signed distance to the body
FIRST_GUESS = 25.0  # log-odds per unit of distance with which the body itself is the first guess
FARTHEST = 0.15  # model space: beyond it the distance to the body says nothing more


NORMALS = FilterSize(channels=12, stacks=1, depth=3, features=24, width=48, enlarge="bilinear")
COARSE = FilterSize(channels=18, stacks=1, depth=3, features=64, width=64, enlarge="bilinear")
COARSE_POINTS = PointSize(widths=(69, 256, 128, 64, 1), skips=(1, 2), merge=2)
FINE = FilterSize(channels=18, stacks=1, depth=2, features=16, halved=False, width=32, enlarge="bilinear")
FINE_POINTS = PointSize(widths=(80, 128, 64, 1), skips=(1,), merge=-1)


@dataclass(frozen=True)
class BodySize:
    """How large the network is.

    Attributes:
        side: of its picture, pixels.
        normals: of the trunk under both sides' normals.
        coarse, coarse_points; fine, fine_points: the two levels, as in `PIFuHDSize`.
    """

    side: int = 192
    normals: FilterSize = NORMALS
    coarse: FilterSize = COARSE
    coarse_points: PointSize = COARSE_POINTS
    fine: FilterSize = FINE
    fine_points: PointSize = FINE_POINTS

    def __post_init__(self) -> None:
        merged = self.coarse_points.widths[self.coarse_points.merge + 1]
        inputs = len(PICTURE) + len(BODY)
        wanted = {
            "normals": (self.normals.channels, inputs),
            "coarse": (self.coarse.channels, inputs + 6),
            "fine": (self.fine.channels, inputs + 6),
            "coarse points": (self.coarse_points.widths[0], self.coarse.features + GUIDES + OWN),
            "fine points": (self.fine_points.widths[0], self.fine.features + merged),
        }
        for name, (found, right) in wanted.items():
            if found != right:
                raise ValueError(f"{name}: wanted {right} channels, got {found}")


@dataclass(frozen=True, eq=False)
class BodyFeatures:
    """Features of a picture and its body, once for all points.

    Attributes:
        coarse: (N, C, h, w), fine: (N, c, H, W).
        guide: (N, 3, S, S) front and back depth of the body and its mask.
        normals: (N, 6, S, S) unit normals of the dressed person, front and back; 0 off the mask.
    """

    coarse: Tensor
    fine: Tensor
    guide: Tensor
    normals: Tensor


class Normals(nn.Module):
    """Normals of both sides of the dressed person, as corrections of the body's."""

    def __init__(self, size: FilterSize) -> None:
        super().__init__()
        self.trunk = ImageFilter(size)
        self.mix = nn.Conv2d(size.features + size.channels, 16, 3, padding=1)
        self.out = nn.Conv2d(16, 6, 3, padding=1)

    def forward(self, seen: Tensor) -> Tensor:
        """(N, 6, S, S) unit normals of front and back where the mask is, else 0, from (N, 12, S, S)."""
        wide = functional.interpolate(self.trunk(seen)[-1], size=seen.shape[2:], mode="bilinear", align_corners=False)
        change = self.out(functional.relu(self.mix(torch.cat((wide, seen), 1))))
        mask = seen[:, 3:4]
        # Where there is cloth but no body behind, the side itself is the first guess.
        guess = seen[:, 4:10] + 0.2 * torch.tensor([0, 0, 1.0, 0, 0, -1.0]).to(seen)[None, :, None, None]
        both = (guess + change).unflatten(1, (2, 3))
        length = (both * both).sum(2, keepdim=True).add(1e-12).sqrt()  # functional.normalize takes ten times as long
        return (both / length * mask[:, None]).flatten(1, 2)


class BodyPIFuHD(nn.Module):
    """Occupancy at points from a picture, its mask and the fitted body.

    Example:
        >>> network = BodyPIFuHD()
        >>> sum(p.numel() for p in network.parameters()) < 2_000_000
        True
    """

    def __init__(self, size: BodySize = BodySize()) -> None:
        super().__init__()
        self.size = size
        self.normals = Normals(size.normals)
        self.coarse, self.coarse_points = ImageFilter(size.coarse), PointMLP(size.coarse_points)
        self.fine, self.fine_points = ImageFilter(size.fine), PointMLP(size.fine_points)

    def prepare(self, picture: Tensor, body: Tensor) -> BodyFeatures:
        """Features of pictures.

        Args:
            picture: (N, 4, S, S): RGB in 0-1, black off the mask, and the mask in 0-1.
            body: (N, 8, S, S): unit normals of the body's front and back, 0 off it, then its front and back depth
                (model space), 0 off it.
        """
        seen = torch.cat((picture, body), 1)
        normals = self.normals(seen)
        both = torch.cat((seen, normals.detach()), 1)
        there = body[:, :6].abs().sum(1, keepdim=True) > 0
        guide = torch.cat((body[:, 6:8], there.to(body)), 1)
        return BodyFeatures(self.coarse(both)[-1], self.fine(both)[-1], guide, normals)

    def forward(self, picture: Tensor, body: Tensor, points: Tensor, distance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-odds of the fine and the coarse level (N, P), and normals (N, 6, S, S): all that is taught."""
        features = self.prepare(picture, body)
        return *self.logits(features, points, distance), features.normals

    def logits(self, features: BodyFeatures, points: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds of the fine and the coarse level, (N, P) each.

        Args:
            points: (N, P, 3) model space.
            distance: (N, P) signed distance to the body, model space, negative inside.
        """
        own = own_features(points[..., 2], distance)
        seen = torch.cat((sampled(features.coarse, points), sampled(features.guide, points), own), -1)
        coarse, merged = self.coarse_points(seen)
        fine, _ = self.fine_points(torch.cat((sampled(features.fine, points), merged), -1))
        guess = first_guess(distance)
        return fine[..., 0] + guess, coarse[..., 0] + guess


def first_guess(distance: Tensor) -> Tensor:
    """Log-odds of lying in the body at a signed distance from it: the levels learn what clothes add."""
    return -FIRST_GUESS * distance.clamp(-FARTHEST, FARTHEST)


def own_features(depth: Tensor, distance: Tensor) -> Tensor:
    """(..., 2) what a point brings itself, both about -1 to 1."""
    return torch.stack((depth, distance.clamp(-FARTHEST, FARTHEST) / FARTHEST), -1)
