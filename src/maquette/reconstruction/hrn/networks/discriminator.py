"""The network that learns to tell drawn maps from true ones, patch by patch (pix2pix's, Isola et al., CVPR 2017).

Only training needs it. Places in the sequence are those of the published code.
"""

from __future__ import annotations

from torch import Tensor, nn

WIDTH = 64
SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    """A network's input and a map of it to a score per patch of 70 x 70 pixels, 1 for true and 0 for drawn.

    Args:
        channels: of input and map together: 9 for the deformation, 10 for the displacement.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     mid, high = PatchDiscriminator(9), PatchDiscriminator(10)
        >>> sum(p.numel() for p in mid.parameters()), sum(p.numel() for p in high.parameters())
        (2770881, 2771905)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for k, stride in enumerate((2, 2, 1)):
            convolution = nn.Conv2d(WIDTH << k, WIDTH << k + 1, 4, stride, padding=1)
            layers += [convolution, nn.InstanceNorm2d(WIDTH << k + 1), nn.LeakyReLU(SLOPE)]
        layers.append(nn.Conv2d(WIDTH << 3, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, h, w) scores of (N, channels, H, W)."""
        return self.model(x)
