"""Loads DECA's temporal networks, and the flow alone, from our safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL
from maquette.reconstruction.deca.networks.generator import REACH, DetailGenerator
from maquette.reconstruction.deca.temporal.encoder import MENDED, TemporalCompat, TemporalEncoder
from maquette.reconstruction.deca.temporal.flow import SPyNet
from maquette.reconstruction.deca.weights import given, tensors_of
from maquette.weights.convert.deca.networks import NETWORKS
from maquette.weights.convert.deca.temporal import flow, shapes

REMEDY, FLOW_REMEDY = "make it with maquette weights convert deca-tv", "make it with maquette weights convert spynet"


@dataclass(frozen=True, eq=False)
class TemporalNetworks:
    """All networks of a file, float32, in evaluation mode, without gradients; see `deca.weights.DECANetworks`."""

    coarse: TemporalEncoder
    detail: TemporalEncoder
    generator: DetailGenerator


def load(path: str | Path, compat: TemporalCompat = MENDED, reach: float = REACH) -> TemporalNetworks:
    """The networks of a file.

    Args:
        path: safetensors in float32 or float16 with the metadata "network" (deca-tv).
        reach: metres of a full tanh of the displacement, with which it was trained: 0.01 or 0.001.

    Raises:
        BadInput: no such file, another format (weights of single frames too), tensors that do not fit or are damaged.
    """
    tensors = tensors_of(Path(path), "deca-tv", {name: shapes(name) for name in NETWORKS}, REMEDY)
    with torch.device("meta"):
        empty = (TemporalEncoder(COARSE, compat), TemporalEncoder(DETAIL, compat), DetailGenerator(reach))
    coarse, detail, generator = (given(network, name, tensors) for name, network in zip(NETWORKS, empty))
    return TemporalNetworks(coarse, detail, generator)  # type: ignore[arg-type]


def load_flow(path: str | Path) -> SPyNet:
    """The optical flow of a file with the metadata "network" (spynet).

    Raises:
        BadInput: see `load`.
    """
    tensors = tensors_of(Path(path), "spynet", {"spynet": dict(flow("", buffers=False))}, FLOW_REMEDY)
    network = SPyNet()
    state = {key: tensors.get(f"spynet.{key}", value) for key, value in network.state_dict().items()}
    network.load_state_dict(state)
    return network.requires_grad_(False).eval()
