"""MVF-Net with weights by seed, and three crops for it: of these the golden numbers were made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

import seeded
from maquette.reconstruction.mvfnet.network import MVFNet

GOLDEN = Path(__file__).parent / "golden" / "mvfnet.safetensors"


@cache
def network() -> MVFNet:
    """Float64, in evaluation mode."""
    made = MVFNet()
    seeded.fill(made, 7)
    return made.double().eval().requires_grad_(False)


def views() -> Tensor:
    """(1, 9, 224, 224) float64 in 0-1."""
    return seeded.picture((1, 9, 224, 224), 11).double()


def answers() -> Tensor:
    """(4, 249) float64 in -1 to 1."""
    return 2 * torch.rand(4, 249, generator=torch.Generator().manual_seed(3)).double() - 1


def golden(key: str) -> Tensor:
    """Numbers of the published functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)
