"""The network that reads an animal's landmarks from what EfficientNet-Lite0 makes of a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maquette.perception.pets.features import WIDTHS

POINTS, SPECIES = 20, 3
CROP = 160  # pixels of the crop that is read
SHARPER = 4.0  # factor on the heat-maps' logits: they must grow far above their first values
LOG_VARIANCE, FIRST = (-10.0, 5.0), -4.5  # squared share of the side: what is said of a point stays within


class PetLandmarkHead(nn.Module):
    """Heat-maps from features of four strides (a pyramid, Lin et al. 2017), and from each what is known of its point.

    The finest features are folded, four of their cells to one, so that all work is done at a stride of 8.

    Args:
        width: channels of the pyramid.
        dropped: share of channels of the features that are hidden while it learns: no point may hang on few of them.
    """

    def __init__(self, width: int = 80, dropped: float = 0.1) -> None:
        super().__init__()
        self.dropped = nn.Dropout2d(dropped)
        folded = (4 * WIDTHS[0] + WIDTHS[1], *WIDTHS[2:])
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.GroupNorm(8, width)) for channels in folded
        )
        self.mixed = nn.ModuleList(_PyramidLevel(width) for _ in folded)
        self.even = nn.GroupNorm(8, width)
        self.heat = nn.Conv2d(width, POINTS, 1)
        nn.init.zeros_(self.heat.weight)
        last = nn.Linear(64, 2)
        nn.init.constant_(last.bias[:1], FIRST)
        self.known = nn.Sequential(nn.Linear(width + WIDTHS[-1], 64), nn.ReLU(), last)
        self.template: Tensor
        self.name = nn.Parameter(torch.zeros(POINTS, width + WIDTHS[-1]))
        self.register_buffer("template", torch.zeros(SPECIES, POINTS, 3))  # mean heads, eye distances

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor, whole: Tensor) -> tuple[Tensor, ...]:
        """Landmarks of features as `PetFeatures.maps` gives them.

        Args:
            fine, middle, coarse, whole: (N, C, S / s, S / s) for each C in `WIDTHS`, strides s of 4, 8, 16, 32.

        Returns:
            points: (N, 20, 2) shares of the picture's side, x right and y down.
            log_variance: (N, 20) of a point's distance per axis, squared shares of the side.
            visible: (N, 20) logits.
            heat: (N, 20, S / 8, S / 8) shares that sum to 1.
        """
        folded = torch.cat([nn.functional.pixel_unshuffle(fine, 2), middle], dim=1)
        x: Tensor | None = None
        for features, lateral, mixed in zip(
            (whole, coarse, folded), reversed(self.lateral), reversed(self.mixed), strict=True
        ):
            side = lateral(self.dropped(features))
            if x is not None:
                side = side + nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = mixed(side)
        assert x is not None
        x = self.even(x)
        heat = SHARPER * self.heat(x).float()
        count, _, height, wide = heat.shape
        shares = heat.flatten(2).softmax(dim=2)
        across = (torch.arange(wide, device=x.device) + 0.5) / wide
        down = (torch.arange(height, device=x.device) + 0.5) / height
        grid = torch.stack([across.repeat(height), down.repeat_interleave(wide)], dim=1)
        local = shares @ x.flatten(2).float().transpose(1, 2)
        pooled = whole.float().mean(dim=(2, 3))[:, None].expand(-1, POINTS, -1)
        known = self.known(torch.cat([local, pooled], dim=2) + self.name)
        log_variance = known[..., 0].float().clamp(*LOG_VARIANCE)
        return shares @ grid, log_variance, known[..., 1].float(), shares.view(count, POINTS, height, wide)


def _block(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.SiLU())


class _PyramidLevel(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_block(width), _block(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)
