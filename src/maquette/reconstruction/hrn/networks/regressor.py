"""The network that reads a face's 257 coefficients from a crop (ResNet-50, He et al., CVPR 2016; heads of Deep3D).

Names of the parts are those of the published file, so its tensors have the same keys.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maquette.reconstruction.networks.resnet import ResNet50

HEADS = (80, 64, 80, 3, 27, 2, 1)  # identity, expression, albedo, angles, light, x and y, z


class ReconNet(nn.Module):
    """A crop to coefficients; its seven heads begin at zero, so an untrained network reads the mean face.

    Example:
        >>> with torch.device("meta"):
        ...     network = ReconNet()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (24034625, 332)
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50()
        self.final_layers = nn.ModuleList(nn.Conv2d(2048, width, 1) for width in HEADS)
        for parameter in self.final_layers.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 257) coefficients, see `coefficients.Coefficients`.

        Args:
            x: (N, 3, 224, 224) RGB in 0-1.
        """
        features = self.backbone(x)
        return torch.cat([head(features) for head in self.final_layers], 1).flatten(1)
