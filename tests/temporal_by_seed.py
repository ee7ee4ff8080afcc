"""DECA's temporal encoder with weights by seed, and clips for it: of these the golden numbers were made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

import seeded
from maquette.reconstruction.deca.temporal.encoder import TemporalEncoder
from maquette.reconstruction.deca.temporal.flow import MEAN, SPREAD

GOLDEN = Path(__file__).parent / "golden" / "deca-tv.safetensors"
SIDE = 32  # of the clips, pixels: the published 224 take seconds
LENGTHS = (1, 2, 3, 5, 8)


def golden(key: str) -> Tensor:
    """Numbers of the published modules, float64."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


@cache
def encoder() -> TemporalEncoder:
    """The encoder, float64, in evaluation mode."""
    made = TemporalEncoder(236)
    seeded.fill(made, 3)
    flow = made.encoder.spynet
    with torch.no_grad():
        flow.mean.copy_(torch.tensor(MEAN).view(1, 3, 1, 1))
        flow.std.copy_(torch.tensor(SPREAD).view(1, 3, 1, 1))
    return made.double().eval().requires_grad_(False)


def clip(length: int, count: int = 1, side: int = SIDE, seed: int = 17) -> Tensor:
    """(count, length, 3, side, side) float64 in 0-1."""
    return seeded.picture((count * length, 3, side, side), seed + length).double().unflatten(0, (count, length))


def palindrome() -> Tensor:
    """A clip of four frames that reads the same backwards."""
    half = clip(2)
    return torch.cat((half, half.flip(1)), 1)


def features(length: int = 4, channels: int = 64, side: int = 12, seed: int = 29) -> Tensor:
    """(length, channels, side, side) float64, about -1 to 1."""
    return 2 * seeded.picture((length, channels, side, side), seed).double() - 1
