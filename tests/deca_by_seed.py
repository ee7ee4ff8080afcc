"""DECA's codes, networks and pictures by seed: of these the golden numbers were made."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

import seeded
from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL, CodeEncoder
from maquette.reconstruction.deca.networks.generator import LATENT, DetailGenerator

GOLDEN = Path(__file__).parent / "golden" / "deca.safetensors"
SAMPLES = 400  # numbers that the golden file keeps of each map


def golden(key: str) -> Tensor:
    """Numbers of the published functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


def some(values: Tensor) -> Tensor:
    """SAMPLES of the numbers, always the same ones for a size."""
    generator = np.random.default_rng(zlib.crc32(repr(tuple(values.shape)).encode()))
    return values.flatten()[torch.from_numpy(generator.integers(0, values.numel(), SAMPLES))]


def codes(count: int = 3) -> dict[str, Tensor]:
    """Codes of heads that stand apart, are turned and open the mouth."""
    generator = torch.Generator().manual_seed(23)

    def uniform(width: int, scale: float) -> Tensor:
        return scale * (2 * torch.rand(count, width, generator=generator) - 1)

    pose = uniform(6, 0.4)
    pose[:, 1] *= 2  # yaw to both sides
    cam = torch.tensor([6.0, 0, 0]) + uniform(3, 0.05)
    light = uniform(27, 0.3).view(count, 9, 3)
    light[:, 0] += 3
    return {
        "shape": uniform(100, 1.0),
        "tex": uniform(50, 0.1),
        "exp": uniform(50, 1.0),
        "pose": pose,
        "cam": cam,
        "light": light,
        "detail": uniform(128, 1.0),
    }


NETWORKS = {
    "E_flame": (lambda: CodeEncoder(COARSE), (3, 224, 224)),
    "E_detail": (lambda: CodeEncoder(DETAIL), (3, 224, 224)),
    "D_detail": (DetailGenerator, (LATENT,)),
}


@cache
def network(name: str) -> nn.Module:
    """One network, float32, in evaluation mode."""
    made = NETWORKS[name][0]()
    seeded.fill(made, 7)
    if name == "D_detail":
        # The published 0.8 makes signals small: else all of its map lies within a hundredth of its reach.
        with torch.no_grad():
            for part in made.conv_blocks:
                if isinstance(part, nn.BatchNorm2d):
                    part.weight *= 3
    return made.eval().requires_grad_(False)


def given(name: str, count: int = 2) -> Tensor:
    """(count, ...) float32 input of a network."""
    if name == "D_detail":
        return 2 * torch.rand(count, LATENT, generator=torch.Generator().manual_seed(5)) - 1
    return seeded.picture((count, *NETWORKS[name][1]), 11)
