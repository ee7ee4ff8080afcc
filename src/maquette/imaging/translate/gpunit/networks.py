"""GP-UNIT's networks from a file of ours."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from torch import nn

from maquette.core.errors import BadInput
from maquette.imaging.translate.gpunit.content import ContentEncoder
from maquette.imaging.translate.gpunit.generator import GPGenerator, StyleSampler
from maquette.weights.convert.pytorch import COUNTER, check_numbers, compare
from maquette.weights.convert.translate.gpunit import NETWORKS, shapes
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert gpunit"


class GPUNIT(nn.Module):
    """What translates: content encoder, generator, sampler of styles."""

    def __init__(self) -> None:
        super().__init__()
        self.content = ContentEncoder()
        self.generator = GPGenerator()
        self.sampler = StyleSampler()


@lru_cache(maxsize=2)
def load(path: Path, device: str = "cpu") -> GPUNIT:
    """The networks of a file, float32, in evaluation mode, without gradients.

    Args:
        path: safetensors in float32 or float16 with the metadata "network" (gpunit).

    Raises:
        BadInput: no such file, another format, tensors that do not fit or are damaged.
    """
    with opened(path, "GP-UNIT's weights", REMEDY) as file:
        if (file.metadata() or {}).get("network") != "gpunit":
            raise BadInput(f"{path}: its metadata do not say that it is a GP-UNIT: {REMEDY}")
        tensors = {key: file.get_tensor(key) for key in list(file.keys())}
    expected = {f"{name}.{key}": shape for name in NETWORKS for key, shape in shapes(name).items()}
    compare(tensors, expected, path, "GP-UNIT")
    check_numbers(tensors, path)
    networks = GPUNIT()
    state = networks.state_dict()
    counters = {key: state[key] for key in state if key.endswith(COUNTER)}
    networks.load_state_dict({key: value.float() for key, value in tensors.items()} | counters)
    return networks.requires_grad_(False).eval().to(device)
