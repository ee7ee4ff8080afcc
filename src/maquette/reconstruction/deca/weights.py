"""Loads DECA's networks from our safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL, CodeEncoder
from maquette.reconstruction.deca.networks.generator import DetailGenerator
from maquette.weights.convert.deca.networks import NETWORKS, shapes
from maquette.weights.convert.pytorch import COUNTER, Shapes, check_numbers, compare
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert deca"


@dataclass(frozen=True, eq=False)
class DECANetworks:
    """All networks of a file, float32, in evaluation mode, without gradients.

    Attributes:
        coarse: a crop to 236 codes. detail: a crop to 128 codes of detail. generator: codes to the displacement.
    """

    coarse: CodeEncoder
    detail: CodeEncoder
    generator: DetailGenerator

    @property
    def named(self) -> dict[str, nn.Module]:
        """The networks by their published names."""
        return dict(zip(NETWORKS, (self.coarse, self.detail, self.generator)))


def load(path: str | Path) -> DECANetworks:
    """The networks of a file.

    Args:
        path: safetensors in float32 or float16 with the metadata "network" (deca).

    Raises:
        BadInput: no such file, another format, metadata that are missing, tensors that do not fit or are damaged.
    """
    tensors = tensors_of(Path(path), "deca", {name: shapes(name) for name in NETWORKS}, REMEDY)
    # No memory is taken for weights that are replaced anyway.
    with torch.device("meta"):
        empty = (CodeEncoder(COARSE), CodeEncoder(DETAIL), DetailGenerator())
    coarse, detail, generator = (given(network, name, tensors) for name, network in zip(NETWORKS, empty))
    return DECANetworks(coarse, detail, generator)  # type: ignore[arg-type]


def kind_of(path: Path) -> str:
    """What a file's metadata say that it is: deca, deca-tv, or something else.

    Raises:
        BadInput: no such file, or another format.
    """
    with opened(path, "weights of deca", REMEDY) as file:
        return str((file.metadata() or {}).get("network"))


def tensors_of(path: Path, network: str, expected: Mapping[str, Shapes], remedy: str) -> dict[str, Tensor]:
    """Tensors of a file by "name.key".

    Args:
        network: what the metadata must say.

    Raises:
        BadInput: see `load`.
    """
    with opened(path, f"weights of {network}", remedy) as file:
        said = (file.metadata() or {}).get("network")
        if said != network:
            raise BadInput(f"{path}: wanted weights of {network}, its metadata say {said or 'nothing'}: {remedy}")
        tensors = {key: file.get_tensor(key) for key in list(file.keys())}
    compare(
        tensors, {f"{n}.{key}": shape for n, part in expected.items() for key, shape in part.items()}, path, network
    )
    check_numbers(tensors, path)
    return tensors


def given(network: nn.Module, name: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The network with its tensors, in evaluation mode, without gradients; buffers that no file holds stay."""
    kept = {key for key in network.state_dict() if f"{name}.{key}" in tensors}
    state = {key: tensors[f"{name}.{key}"].float() for key in kept}
    state |= {key: torch.tensor(0) for key in network.state_dict() if key.endswith(COUNTER)}
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()
