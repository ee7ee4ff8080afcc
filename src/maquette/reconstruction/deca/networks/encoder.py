"""The networks that read a head's codes off a crop: ResNet-50 and two layers."""

from __future__ import annotations

from torch import Tensor, nn

from maquette.reconstruction.networks.resnet import ResNet50

FEATURES, HIDDEN = 2048, 1024
COARSE, DETAIL = 236, 128  # numbers that the two encoders give


def code_layers(outputs: int) -> nn.Sequential:
    """From 2048 features to the codes."""
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


class CodeEncoder(nn.Module):
    """A crop to codes.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     network = CodeEncoder(COARSE)
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (25848108, 322)
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = code_layers(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs) codes.

        Args:
            x: (N, 3, 224, 224) RGB in 0-1.
        """
        return self.layers(self.encoder(x).flatten(1))
