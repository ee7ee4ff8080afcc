"""DECA's codes, networks and pictures by seed: of these the golden numbers were made."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

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
