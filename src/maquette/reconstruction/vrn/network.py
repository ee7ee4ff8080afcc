"""VRN: stacked hourglasses whose output channels are slices of depth (Jackson et al., ICCV 2017).

The topology is that of the released file, whose hourglass nests its next level in the branch that was *not* pooled, so
features only ever have 1/4 and 1/8 of the picture's side. Module names follow the positions in the released network,
so published tensors have the same keys.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

LANDMARKS = 68
BN_STATS = ("image", "running")
LEVELS = 4


@dataclass(frozen=True)
class VRNSize:
    """How large a network is.

    Attributes:
        channels: 3 for a picture alone, 71 with the 68 maps of the landmarks behind it.
        features: width of the hourglasses.
        residuals: residual blocks per position, m.
        stacks: hourglasses one after another.
        depth: slices of the volume.
    """

    channels: int = 3
    features: int = 256
    residuals: int = 3
    stacks: int = 2
    depth: int = 200


# reference: the thesis' table of sizes; the first is the released file.
SIZES = {
    "unguided": VRNSize(),
    "guided": VRNSize(71, 256, 4, 2),
    "one-stack": VRNSize(71, 256, 8, 1),
    "three-stacks": VRNSize(71, 256, 3, 3),
    "four-stacks": VRNSize(71, 256, 2, 4),
    "heavy": VRNSize(71, 384, 8, 1),
    "light": VRNSize(71, 128, 8, 1),
    "lighter": VRNSize(71, 64, 8, 1),
}
MULTITASK = VRNSize(3, 256, 4, 1)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that takes the statistics of each picture ("image") or the stored ones ("running").

    The released network was saved in training mode: early Torch used the picture's own statistics at test time, later
    versions the stored ones. While training, statistics are those of the batch in both.
    """

    stats = "running"

    def forward(self, x: Tensor) -> Tensor:
        if self.stats == "image" and not self.training:
            return functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        return super().forward(x)


class Branches(nn.Sequential):
    """Two branches of one input, summed."""

    def forward(self, x: Tensor) -> Tensor:
        return self[0](x) + self[1](x)


def residual(before: int, after: int) -> nn.Sequential:
    """Pre-activation bottleneck (He et al. 2016b): BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1, plus the skip."""
    half = after // 2
    body = nn.Sequential(
        BatchNorm(before),
        nn.ReLU(),
        nn.Conv2d(before, half, 1),
        BatchNorm(half),
        nn.ReLU(),
        nn.Conv2d(half, half, 3, padding=1),
        BatchNorm(half),
        nn.ReLU(),
        nn.Conv2d(half, after, 1),
    )
    skip = nn.Sequential() if before == after else nn.Sequential(nn.Conv2d(before, after, 1))
    return nn.Sequential(Branches(body, skip))


def unit(before: int, after: int) -> nn.Sequential:
    """1x1 convolution, BN, ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, 1), BatchNorm(after), nn.ReLU())


def hourglass(features: int, residuals: int, level: int = 1) -> OrderedDict[str, nn.Module]:
    """One level and, in its upper branch, those inside it; at "1" the released network has the sum's own place."""
    upper: list[nn.Module] = [residual(features, features) for _ in range(residuals)]
    if level < LEVELS:
        upper.append(nn.Sequential(hourglass(features, residuals, level + 1)))
    count = 3 * residuals if level == LEVELS else 2 * residuals
    lower = [nn.MaxPool2d(2), *(residual(features, features) for _ in range(count)), nn.Upsample(scale_factor=2)]
    both = Branches(nn.Sequential(*upper), nn.Sequential(*lower))
    return OrderedDict([("0", both), ("2", residual(features, features))])


def stack(features: int, residuals: int) -> Branches:
    """An hourglass and two 1x1 units, with the skip around all of it."""
    layers = hourglass(features, residuals)
    layers["3"], layers["4"] = unit(features, features), unit(features, features)
    return Branches(nn.Sequential(), nn.Sequential(layers))


def stem(channels: int, features: int) -> list[tuple[str, nn.Module]]:
    """The picture at a quarter of its side, (N, features, H / 4, W / 4)."""
    return [
        ("0", nn.Conv2d(channels, 64, 7, stride=2, padding=3)),
        ("1", BatchNorm(64)),
        ("2", nn.ReLU()),
        ("3", residual(64, 128)),
        ("4", nn.MaxPool2d(2)),
        ("5", residual(128, 128)),
        ("6", residual(128, features)),
    ]


def head(features: int, depth: int) -> nn.Sequential:
    """Logits of the slices at a quarter of the picture's side; upsampling follows in `upsampled`."""
    return nn.Sequential(nn.Sequential(unit(features, features), nn.Conv2d(features, depth, 1)))


def upsampled(logits: Tensor) -> Tensor:
    """(N, D, 4 h, 4 w): bilinear, corners kept, as Torch7's SpatialUpSamplingBilinear."""
    return functional.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=True)


class VRN(nn.Sequential):
    """The volumetric regression network.

    Attributes:
        size: how large it is.
        side: of its pictures, pixels. This and what follows is known of a network that `weights.load` read.
        crop: "matlab" or "bash", fill and upright: how its pictures are cut, see `crop.image_to_crop`.
        front_error: metres that its fronts are usually wrong by, once offset and tilt are taken off.

    Args:
        size: how large it is; the default is the released, unguided one with 19,184,968 parameters.
        bn_stats: "image" or "running", see `BatchNorm`.

    Example:
        >>> sum(p.numel() for p in VRN().parameters())
        19184968
    """

    size: VRNSize
    side: int
    crop: str
    fill: float
    upright: bool
    front_error: float

    def __init__(self, size: VRNSize = SIZES["unguided"], bn_stats: str = "image") -> None:
        layers = stem(size.channels, size.features)
        layers += [(str(7 + 2 * k), stack(size.features, size.residuals)) for k in range(size.stacks)]
        layers.append((str(7 + 2 * size.stacks), head(size.features, size.depth)))
        super().__init__(OrderedDict(layers))
        self.size = size
        use_statistics(self, bn_stats)

    def coarse(self, x: Tensor) -> Tensor:
        """(N, D, H / 4, W / 4) logits before the upsampling.

        Args:
            x: (N, C, H, W) RGB in 0-1, then the landmarks' maps; H and W divisible by 8.

        Raises:
            ValueError: as `expect`.
        """
        self.expect(x)
        return super().forward(x)

    def expect(self, x: Tensor) -> None:
        """Check pictures.

        Raises:
            ValueError: not a batch of pictures, another number of channels, or sides that are not divisible by 8.
        """
        if x.ndim != 4:
            raise ValueError(f"VRN: wanted pictures of shape (N, C, H, W), got {tuple(x.shape)}")
        channels, height, width = x.shape[1:]
        if channels != self.size.channels or height % 8 or width % 8:
            raise ValueError(
                f"VRN: wanted {self.size.channels} channels and sides divisible by 8, got {channels} channels and"
                f" {width} x {height} pixels"
            )

    def forward(self, x: Tensor, coarse: bool = False) -> Tensor:
        """(N, D, H, W) occupancy in 0-1; D counts towards the camera. With `coarse` what `coarse` gives."""
        logits = self.coarse(x)
        return logits if coarse else torch.sigmoid(upsampled(logits))


class MultitaskVRN(nn.Module):
    """One shared hourglass that forks into heatmaps of the 68 landmarks and the volume.

    The weights were never released. The paper gives neither the residual blocks per position (4 here) nor the size of
    the heatmaps (that of the picture here).

    Args:
        size: of each of the three hourglasses; `stacks` is not used.
        bn_stats: "image" or "running", see `BatchNorm`.

    Example:
        >>> with torch.device("meta"):
        ...     network = MultitaskVRN()
        >>> sum(p.numel() for p in network.parameters())
        36992652
    """

    def __init__(self, size: VRNSize = MULTITASK, bn_stats: str = "image") -> None:
        super().__init__()
        self.size = size
        first = [*stem(size.channels, size.features), ("7", stack(size.features, size.residuals))]
        self.shared = nn.Sequential(OrderedDict(first))
        self.landmarks = nn.Sequential(stack(size.features, size.residuals), head(size.features, LANDMARKS))
        self.volume = nn.Sequential(stack(size.features, size.residuals), head(size.features, size.depth))
        use_statistics(self, bn_stats)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmaps (N, 68, H, W) and occupancy (N, D, H, W), both in 0-1; D counts towards the camera.

        Args:
            x: (N, C, H, W) RGB in 0-1; H and W divisible by 8.
        """
        shared = self.shared(x)
        return torch.sigmoid(upsampled(self.landmarks(shared))), torch.sigmoid(upsampled(self.volume(shared)))


def use_statistics(network: nn.Module, bn_stats: str) -> None:
    """Set what all batch normalisations of a network use in evaluation mode.

    Raises:
        ValueError: neither "image" nor "running".
    """
    if bn_stats not in BN_STATS:
        raise ValueError(f"bn_stats {bn_stats!r}: wanted {' or '.join(BN_STATS)}")
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.stats = bn_stats
