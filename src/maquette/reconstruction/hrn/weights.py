"""Loads HRN's networks from our safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from maquette.core.errors import BadInput
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.networks.landmarks import LandmarkNet
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import BlendNet
from maquette.weights.convert.hrn import NETWORKS, SCALARS, shapes
from maquette.weights.convert.pytorch import COUNTER, check_numbers, compare
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert hrn"
PARTS = (*NETWORKS, "retouching", "landmarks")  # the last two may be absent


@dataclass(frozen=True, eq=False)
class HRNNetworks:
    """All networks of a file, float32, in evaluation mode, without gradients.

    Attributes:
        net_recon: a crop to coefficients. mid_net: to the deformation. high_net: to the displacement.
        alpha, beta: by which deformation and displacement are multiplied, beside 0.1 dm.
        retouching: finds what a retouched picture has lost, or None. landmarks: of 106 points, or None.
    """

    net_recon: ReconNet
    mid_net: MapGenerator
    high_net: MapGenerator
    alpha: float
    beta: float
    retouching: BlendNet | None = None
    landmarks: LandmarkNet | None = None


def load(path: str | Path) -> HRNNetworks:
    """The networks of a file.

    Args:
        path: safetensors in float32 or float16 with the metadata "network" (hrn).

    Raises:
        BadInput: no such file, another format, metadata that are missing, tensors that do not fit or are damaged.
    """
    path = Path(path)
    tensors = _tensors(path)
    if not any(key.startswith("mid_net.") for key in tensors):
        raise BadInput(f"{path}: holds the coefficients' network alone, of the published head: give --hrn-head too")
    there = {name for name in PARTS if any(key.startswith(f"{name}.") for key in tensors)} | {*NETWORKS}
    expected = {f"{name}.{key}": shape for name in PARTS if name in there for key, shape in shapes(name).items()}
    compare(tensors, expected | {name: (1,) for name in SCALARS}, path, "HRN")
    check_numbers(tensors, path)
    # No memory is taken for weights that are replaced anyway.
    with torch.device("meta"):
        empty = {
            "net_recon": ReconNet(),
            "mid_net": MapGenerator(6, 3),
            "high_net": MapGenerator(9, 1),
            "retouching": BlendNet(),
            "landmarks": LandmarkNet(),
        }
    networks = {name: _filled(network, name, tensors) for name, network in empty.items() if name in there}
    return HRNNetworks(**networks, **{name: float(tensors[name]) for name in SCALARS})  # type: ignore[arg-type]


def load_regressor(path: str | Path) -> ReconNet:
    """The network of the coefficients alone, of a file of all networks or of the published head's.

    Raises:
        BadInput: see `load`.
    """
    path = Path(path)
    tensors = {key: value for key, value in _tensors(path).items() if key.startswith("net_recon.")}
    compare(tensors, {f"net_recon.{key}": shape for key, shape in shapes("net_recon").items()}, path, "HRN")
    check_numbers(tensors, path)
    with torch.device("meta"):
        empty = ReconNet()
    _filled(empty, "net_recon", tensors)
    return empty


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with opened(path, "HRN weights", REMEDY) as file:
        if (file.metadata() or {}).get("network") != "hrn":
            raise BadInput(f"{path}: its metadata do not say that it is an HRN: {REMEDY}")
        return {key: file.get_tensor(key) for key in list(file.keys())}


def _filled(network: nn.Module, name: str, tensors: dict[str, torch.Tensor]) -> nn.Module:
    state = {
        key: torch.tensor(0) if key.endswith(COUNTER) else tensors[f"{name}.{key}"].float()
        for key in network.state_dict()
    }
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()
