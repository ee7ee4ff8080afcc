"""The 257 numbers that HRN's first network reads off a face, by what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

WIDTHS = {"identity": 80, "expression": 64, "albedo": 80, "angles": 3, "light": 27, "translation": 3}


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Of N faces.

    Attributes:
        identity: (N, 80) and expression: (N, 64) standard deviations of shape. albedo: (N, 80) likewise.
        angles: (N, 3) radians about x, y and z.
        light: (N, 27) nine harmonics of red, then green, then blue.
        translation: (N, 3) decimetres.
    """

    identity: Tensor
    expression: Tensor
    albedo: Tensor
    angles: Tensor
    light: Tensor
    translation: Tensor

    @property
    def merged(self) -> Tensor:
        """(N, 257) in the network's order."""
        return torch.cat([getattr(self, name) for name in WIDTHS], dim=1)


def split(values: Tensor) -> Coefficients:
    """The coefficients in (N, 257) numbers.

    Raises:
        ValueError: another width.

    Example:
        >>> found = split(torch.arange(257.0)[None])
        >>> found.angles, bool((found.merged == torch.arange(257.0)).all())
        (tensor([[224., 225., 226.]]), True)
    """
    if values.ndim != 2 or values.shape[1] != sum(WIDTHS.values()):
        raise ValueError(f"coefficients: wanted (N, {sum(WIDTHS.values())}), got {tuple(values.shape)}")
    return Coefficients(*values.split([*WIDTHS.values()], dim=1))
