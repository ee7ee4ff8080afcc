"""HRN's networks with weights by seed, and pictures for them: of these the golden numbers were made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

import seeded
from maquette.reconstruction.hrn.networks.discriminator import PatchDiscriminator
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.networks.landmarks import LandmarkNet
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import BlendNet

GOLDEN = Path(__file__).parent / "golden" / "hrn.safetensors"
# The published sizes, on smaller pictures than theirs where the network allows any.
NETWORKS = {
    "net_recon": (ReconNet, (3, 64, 64)),
    "mid_net": (lambda: MapGenerator(6, 3), (6, 16, 16)),
    "high_net": (lambda: MapGenerator(9, 1), (9, 32, 32)),
    "retouching": (BlendNet, (3, 64, 64)),
    "landmarks": (LandmarkNet, (3, 224, 224)),
    "discriminator": (lambda: PatchDiscriminator(9), (9, 64, 64)),
}


@cache
def network(name: str) -> nn.Module:
    """One network, float32, in evaluation mode."""
    made = NETWORKS[name][0]()
    seeded.fill(made, 7)
    if name == "retouching":
        # Else all of its blend layer lies within 0.01 of a half.
        with torch.no_grad():
            made.outc.get_submodule("conv").weight *= 8
    return made.eval().requires_grad_(False)


def pictures(name: str, count: int = 2) -> Tensor:
    """(count, C, H, W) float32 in 0-1."""
    return seeded.picture((count, *NETWORKS[name][1]), 11)


def golden(key: str) -> Tensor:
    """Numbers of the published functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


def keys(name: str) -> set[str]:
    """All keys of a network, counters too."""
    return set(network(name).state_dict())
