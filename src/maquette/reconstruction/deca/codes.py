"""The codes that DECA's networks read off a crop, by what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

WIDTHS = {"shape": 100, "tex": 50, "exp": 50, "pose": 6, "cam": 3, "light": 27}  # in the network's order
DETAIL = 128


@dataclass(frozen=True, eq=False)
class HeadCodes:
    """Of N heads, with the published names.

    Attributes:
        shape: (N, 100), exp: (N, 50) coefficients of FLAME. tex: (N, 50) of the albedo.
        pose: (N, 6) axis-angle of the head and of the jaw, radians.
        cam: (N, 3) scale and shift across and up, see `head.project`.
        light: (N, 9, 3) harmonics of red, green, blue.
        detail: (N, 128) of the displacement.
    """

    shape: Tensor
    tex: Tensor
    exp: Tensor
    pose: Tensor
    cam: Tensor
    light: Tensor
    detail: Tensor

    @property
    def coefficients(self) -> Tensor:
        """(N, 150) of the shape: identity, then expression."""
        return torch.cat((self.shape, self.exp), 1)

    @property
    def latent(self) -> Tensor:
        """(N, 181) what the displacement is drawn from: jaw, expression, detail."""
        return torch.cat((self.pose[:, 3:], self.exp, self.detail), 1)

    @property
    def named(self) -> dict[str, Tensor]:
        """The codes by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def of(self, index: int | slice) -> HeadCodes:
        """One head alone, or some."""
        some = slice(index, index + 1) if isinstance(index, int) else index
        return HeadCodes(**{name: value[some] for name, value in self.named.items()})

    def __len__(self) -> int:
        return len(self.shape)


def split(coarse: Tensor, detail: Tensor) -> HeadCodes:
    """The codes in (N, 236) and (N, 128) numbers.

    Raises:
        ValueError: other widths.

    Example:
        >>> found = split(torch.arange(236.0)[None], torch.zeros(1, 128))
        >>> found.pose[0].tolist(), found.light[0, 0].tolist()
        ([200.0, 201.0, 202.0, 203.0, 204.0, 205.0], [209.0, 210.0, 211.0])
    """
    if coarse.shape[1:] != (sum(WIDTHS.values()),) or detail.shape != (len(coarse), DETAIL):
        raise ValueError(f"codes: wanted (N, 236) and (N, 128), got {tuple(coarse.shape)} and {tuple(detail.shape)}")
    parts = dict(zip(WIDTHS, coarse.split([*WIDTHS.values()], dim=1)))
    return HeadCodes(**parts | {"light": parts["light"].view(-1, 9, 3)}, detail=detail)


def merged(codes: HeadCodes) -> Tensor:
    """(N, 236) as the network gives them, without the detail code."""
    return torch.cat([getattr(codes, name).flatten(1) for name in WIDTHS], 1)


def joined(several: Sequence[HeadCodes]) -> HeadCodes:
    """The codes of all, one after the other."""
    return HeadCodes(**{name: torch.cat([getattr(one, name) for one in several]) for name in several[0].named})


def with_expression_of(codes: HeadCodes, other: HeadCodes) -> HeadCodes:
    """The heads with the expression and the jaw of others; shape, detail, pose, camera and light stay."""
    return replace(codes, exp=other.exp, pose=torch.cat((codes.pose[:, :3], other.pose[:, 3:]), 1))
