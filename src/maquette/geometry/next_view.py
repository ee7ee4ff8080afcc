"""Where to photograph next, from what of a volume was seen: a choice among fourteen places, or a direction.

Mendoza et al. 2020, "Supervised learning of the next-best-view for 3D object reconstruction" (NBV-Net); Vasquez-Gomez
et al. 2021 regress the place instead. The volume is a grid of 32 x 32 x 32 voxels: below a half free, a half unknown,
above occupied. Written from a description; the layers of the published regression are not known, ours are below.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 14  # the first places of the spiral
GOLDEN_ANGLE = 137.508  # degrees between neighbours on the spiral
FIRST_ANGLE = -68.75  # degrees, azimuth of the first place
RADIUS = 0.4  # metres


def spiral(count: int = 20, radius: float = RADIUS) -> NDArray:
    """(count, 3) metres: places on a half sphere above the object, from the top down, evenly spread.

    Example:
        >>> spiral()[0].round(4).tolist()
        [0.0453, -0.1164, 0.38]
    """
    number = np.arange(count)
    height = radius * (1 - (2 * number + 1) / count)
    azimuth = np.radians(FIRST_ANGLE - GOLDEN_ANGLE * number)
    out = np.sqrt(radius**2 - height**2)
    return np.stack([out * np.cos(azimuth), out * np.sin(azimuth), height], axis=1)


class NextViewClassifier(nn.Module):
    """(N, 1, 32, 32, 32) -> (N, 14) logits of the places; with the published mistake, their probabilities.

    Attributes:
        legacy: ReLU and softmax behind the last layer, as published before a loss that takes logits.
    """

    def __init__(self, legacy: bool = False) -> None:
        super().__init__()
        self.legacy = legacy
        convolutions: list[nn.Module] = []
        for before, after in ((1, 10), (10, 12), (12, 8)):
            convolutions += [nn.Conv3d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)]
        self.trunk = nn.Sequential(*convolutions, nn.Flatten())
        sizes, drop = (512, 1500, 500, 100, 50), 0.2
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(drop)]
        self.head = nn.Sequential(*layers, nn.Linear(sizes[-1], CLASSES))

    def forward(self, volume: Tensor) -> Tensor:
        """One row a volume."""
        logits = self.head(self.trunk(volume))
        return torch.softmax(functional.relu(logits), 1) if self.legacy else logits


class NextViewDirection(nn.Module):
    """(N, 1, 32, 32, 32) -> (N, 3) unit vectors from the object's middle to the next place."""

    def __init__(self) -> None:
        super().__init__()
        convolutions: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 32)):
            convolutions += [nn.Conv3d(before, after, 3, padding=1), nn.BatchNorm3d(after), nn.ReLU(), nn.MaxPool3d(2)]
        self.layers = nn.Sequential(
            *convolutions,
            nn.Flatten(),
            nn.Linear(2048, 256),
            nn.ReLU(),
            nn.Linear(256, 64),
            nn.ReLU(),
            nn.Linear(64, 3),
        )

    def forward(self, volume: Tensor) -> Tensor:
        """One row a volume."""
        return functional.normalize(self.layers(volume), dim=1)


def direction_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """One minus the mean cosine of unit vectors (N, 3)."""
    return 1 - (found * wanted).sum(1).mean()
