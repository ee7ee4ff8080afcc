"""A small network that reads the head of an animal from a crop: coefficients and turn, each with its uncertainty."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maquette.perception.pets.features import WIDTHS
from maquette.perception.pets.landmark_network import POINTS, SPECIES

# Movements that a photo shows; the tongue, lids and sneers are not read.
UNITS = ("jawOpen", "earsBackLeft", "earsBackRight", "earsDroopLeft", "earsDroopRight", "browUp")
MODES = 24  # coefficients of a species' model at most

TURN = 3  # rotation vector from facing the camera
OWN = MODES + len(UNITS)  # of each species
LOG_VARIANCE = (-6.0, 3.0)  # what is said of a coefficient stays within
MARK = 4  # numbers of a landmark: x, y, log variance, visible


class PetShapeNetwork(nn.Module):
    """Coefficients from the features that the landmarks were read from, and from the landmarks themselves.

    Landmarks also lead straight to the coefficients, as in a linear regression, of which the rest is a correction.

    Args:
        width: of the layers between. dropped: share of them that is hidden while it learns.
    """

    def __init__(self, width: int = 64, dropped: float = 0.6) -> None:
        super().__init__()
        self.whole = nn.Sequential(nn.Conv2d(WIDTHS[3], 32, 1, bias=False), nn.GroupNorm(4, 32), nn.SiLU())
        self.coarse = nn.Sequential(
            nn.Conv2d(WIDTHS[2], 16, 1, bias=False), nn.GroupNorm(4, 16), nn.SiLU(),
            nn.Conv2d(16, 24, 3, 2, 1, bias=False), nn.GroupNorm(4, 24), nn.SiLU(),
        )  # fmt: skip
        self.marks = nn.Sequential(nn.Linear(MARK * POINTS, 96), nn.SiLU())
        self.mixed = nn.Sequential(
            nn.Dropout(dropped), nn.Linear((32 + 24) * 25 + 96, width), nn.SiLU(),
            nn.Dropout(dropped), nn.Linear(width, width), nn.SiLU(),
        )  # fmt: skip
        count = SPECIES * OWN + TURN
        self.means, self.spreads = nn.Linear(width, count), nn.Linear(width, count)
        self.kinds = nn.Linear(width, SPECIES)
        self.straight = nn.Linear(MARK * POINTS, count)
        for layer in (self.means, self.spreads, self.straight):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, coarse: Tensor, whole: Tensor, marks: Tensor) -> tuple[Tensor, ...]:
        """What one head of each species would be, its turn, and the species.

        Args:
            coarse: (N, 112, 10, 10), whole: (N, 320, 5, 5): of `PetFeatures.maps`, of a crop of 160 pixels.
            marks: (N, 20, 4) from `mark_rows`.

        Returns:
            shape, log_variance: (N, 3, 30): 24 coefficients and the weights of UNITS, of each species.
            turn, turn_log_variance: (N, 3) rotation vector, radians.
            species: (N, 3) logits.
        """
        flat = marks.flatten(1)
        seen = [self.whole(whole).flatten(1), self.coarse(coarse).flatten(1), self.marks(flat)]
        x = self.mixed(torch.cat(seen, dim=1))
        means, spreads = self.means(x) + self.straight(flat), self.spreads(x).clamp(*LOG_VARIANCE)
        shape, variance = (part[:, : SPECIES * OWN].unflatten(1, (SPECIES, OWN)) for part in (means, spreads))
        return shape, variance, means[:, SPECIES * OWN :], spreads[:, SPECIES * OWN :], self.kinds(x)


def mark_rows(points: Tensor, log_variance: Tensor, visible: Tensor) -> Tensor:
    """(N, 20, 4) landmarks as the network reads them, each number about 1 in size.

    Args:
        points: (N, 20, 2) shares of the crop's side. log_variance: (N, 20), squared shares. visible: (N, 20) 0-1.
    """
    return torch.cat([4 * (points - 0.5), (log_variance[..., None] + 7) / 2, visible[..., None] - 0.5], dim=2)
