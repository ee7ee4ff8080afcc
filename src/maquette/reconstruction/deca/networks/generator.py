"""The network that draws the displacement of a head from its jaw, expression and detail code."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

LATENT = 181  # jaw 3, expression 50, detail 128
WIDTHS = (128, 128, 64, 64, 32, 16)  # channels before, between and after five doublings
FIRST = 8  # texels that the doublings begin with
EPSILON = 0.8  # of the variance, as published: the place of an argument that was meant as the momentum
SLOPE = 0.2
REACH = 0.01  # metres of a full tanh; the video variant was trained with 0.001 and with 0.01


class DetailGenerator(nn.Module):
    """Codes to a map of displacements.

    Args:
        reach: metres of a full tanh.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = DetailGenerator()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (1773345, 44)
    """

    def __init__(self, reach: float = REACH) -> None:
        super().__init__()
        self.reach = reach
        self.l1 = nn.Sequential(nn.Linear(LATENT, WIDTHS[0] * FIRST**2))
        parts: list[nn.Module] = [nn.BatchNorm2d(WIDTHS[0])]
        for before, after in pairwise(WIDTHS):
            parts += [
                nn.Upsample(scale_factor=2, mode="bilinear"),
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after, eps=EPSILON),
                nn.LeakyReLU(SLOPE),
            ]
        self.conv_blocks = nn.Sequential(*parts, nn.Conv2d(WIDTHS[-1], 1, 3, padding=1), nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        """(N, 1, 256, 256) metres along the normals.

        Args:
            latent: (N, 181) jaw (axis-angle), expression, detail.
        """
        begun = self.l1(latent).view(-1, WIDTHS[0], FIRST, FIRST)
        return self.conv_blocks(begun) * self.reach
