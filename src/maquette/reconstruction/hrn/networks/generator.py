"""The networks that draw deformation and displacement (the generator of pix2pix and CycleGAN with nine blocks).

Places in the sequence are those of the published files.
"""

from __future__ import annotations

from torch import Tensor, nn

WIDTH = 64  # channels at full resolution
BLOCKS = 9
HALVINGS = 2
DROPOUT = 0.5  # in training only


class GeneratorBlock(nn.Module):
    """Two mirrored 3x3 convolutions with instance normalisation, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class MapGenerator(nn.Module):
    """Maps of a face to a map of its detail, -1 to 1.

    Args:
        channels: of the input: 6 for the deformation (positions, texture), 9 for the displacement (and deformation).
        outputs: channels of the map: 3 for the deformation, 1 for the displacement.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     mid, high = MapGenerator(6, 3), MapGenerator(9, 1)
        >>> sum(p.numel() for p in mid.parameters()), sum(p.numel() for p in high.parameters())
        (11387587, 11390721)
    """

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.channels, self.outputs = channels, outputs
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), *_normed(nn.Conv2d(channels, WIDTH, 7))]
        for k in range(HALVINGS):
            layers += _normed(nn.Conv2d(WIDTH << k, WIDTH << k + 1, 3, stride=2, padding=1))
        layers += [GeneratorBlock(WIDTH << HALVINGS) for _ in range(BLOCKS)]
        for k in range(HALVINGS, 0, -1):
            layers += _normed(nn.ConvTranspose2d(WIDTH << k, WIDTH << k - 1, 3, stride=2, padding=1, output_padding=1))
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H, W) in -1 to 1.

        Args:
            x: (N, channels, H, W), sides multiples of 4, at least 8.

        Raises:
            ValueError: other channels or sides.
        """
        if x.ndim != 4 or x.shape[1] != self.channels or any(side % 4 or side < 8 for side in x.shape[2:]):
            raise ValueError(
                f"map generator: wanted (N, {self.channels}, H, W) with sides multiples of 4, got {tuple(x.shape)}"
            )
        return self.model(x)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]
