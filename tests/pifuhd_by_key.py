"""Weights of PIFuHD as a function of their keys, and pictures and points as functions of a seed, all by numpy.

Golden numbers were made by the published modules with these weights; so a golden file need not carry them. Uniform
numbers are bits, the same on every processor.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor, nn

from maquette.reconstruction.pifuhd.hourglass import FilterSize
from maquette.reconstruction.pifuhd.mlp import PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures, PIFuHDSize
from maquette.reconstruction.pifuhd.normalnet import NormalSize

SAMPLES = 1500  # numbers that a golden file keeps of each large tensor

# A network that the published modules can be too, with fewer stacks, levels and channels where those are free.
SMALL = PIFuHDSize(
    coarse=FilterSize(stacks=2, depth=1, features=64),
    coarse_points=PointSize((65, 96, 64, 32, 16, 1)),
    fine=FilterSize(stacks=1, depth=2, features=16, halved=False),
    fine_points=PointSize((48, 64, 32, 16, 1), (1, 2), -1),
    normals=NormalSize(width=8, blocks=2),
    side=64,
    depth=25.0,
)


def numbers(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor of a key, float32; what has two names has one tensor."""
    generator = np.random.default_rng(zlib.crc32(key.replace("downsample.0.", "bn4.").encode()))
    uniform = generator.random(shape, np.float32)
    if key.endswith("bias"):
        return 0.2 * uniform - np.float32(0.1)
    if len(shape) == 1:
        return np.float32(0.35) + 0.5 * uniform
    return (2 * uniform - 1) * np.float32((4 / np.prod(shape[1:])) ** 0.5)


def fill(network: nn.Module) -> None:
    """Give every tensor of the state its numbers."""
    with torch.no_grad():
        for key, value in network.state_dict().items():
            value.copy_(torch.from_numpy(numbers(key, tuple(value.shape))))


def picture(side: int, seed: int) -> Tensor:
    """(1, 3, side, side) noise of many sizes in -1 to 1."""
    generator = np.random.default_rng(seed)
    total = np.zeros((3, side, side), np.float32)
    for shrink in (32, 8, 2):
        coarse = generator.random((3, side // shrink, side // shrink), np.float32)
        total += coarse.repeat(shrink, 1).repeat(shrink, 2)
    return torch.from_numpy(total * np.float32(2 / 3) - 1)[None]


def pictures(side: int) -> tuple[Tensor, Tensor]:
    """The coarse picture and the fine one, from which every second pixel was taken."""
    large = picture(2 * side, 7)
    return large[:, :, ::2, ::2].contiguous(), large


def points(count: int = 700) -> Tensor:
    """(1, count, 3) in and around the box, the first eight on its border."""
    found = np.random.default_rng(11).uniform(-1.15, 1.15, (count, 3)).astype(np.float32)
    found[:8] = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0.3], [0, 0, 1], [0, 0, -1], [1, 1, 1], [-1, -1, -1]]
    return torch.from_numpy(found)[None]


def occupancy(network: PIFuHD, features: PIFuHDFeatures, points: Tensor) -> tuple[Tensor, Tensor]:
    """Fine and coarse occupancy in 0-1, (N, P) each, at points (N, P, 3), as the published modules give them.

    Outside of the crop (|x| or |y| above 1) both are 0; the coarse one also where |z| is above 1.
    """
    coarse, merged = network.coarse_logits(features.coarse, points)
    fine = network.fine_logits(features.fine, points, merged)
    inside = (points >= -1) & (points <= 1)
    across = inside[..., 0] & inside[..., 1]
    return torch.sigmoid(fine) * across, torch.sigmoid(coarse) * (across & inside[..., 2])


def some(tensor: Tensor) -> Tensor:
    """The numbers of a tensor that a golden file keeps: all, or drawn ones."""
    flat = tensor.detach().reshape(-1)
    if len(flat) <= SAMPLES:
        return flat
    return flat[torch.from_numpy(np.random.default_rng(5).integers(0, len(flat), SAMPLES))]
