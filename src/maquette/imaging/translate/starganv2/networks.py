"""All networks of StarGAN v2 together, and from a file: safetensors whose "facts" say how to build them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from maquette.core.errors import BadInput
from maquette.imaging.translate.starganv2.generator import StarGenerator
from maquette.imaging.translate.starganv2.styles import MappingNetwork, StarDiscriminator, StyleEncoder
from maquette.weights.convert.pytorch import check_numbers, compare
from maquette.weights.convert.translate.starganv2 import StarSize, shapes
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert starganv2, or train your own with maquette train starganv2"


class StarGAN(nn.Module):
    """Generator, mapping network and style encoder; for a training the discriminator too.

    Attributes:
        size: side, domains by name, high-pass weight, lengths of latents and styles.
    """

    def __init__(self, size: StarSize, discriminator: bool = False) -> None:
        super().__init__()
        self.size = size
        self.generator = StarGenerator(size)
        self.mapping_network = MappingNetwork(size)
        self.style_encoder = StyleEncoder(size)
        self.discriminator = StarDiscriminator(size) if discriminator else None

    def domain(self, name: str) -> int:
        """The number of a domain.

        Raises:
            BadInput: these networks do not know it.
        """
        if name not in self.size.domains:
            raise BadInput(f"domain {name!r}: these weights know {', '.join(self.size.domains)}")
        return self.size.domains.index(name)


def drawn(network: nn.Module) -> None:
    """Draw first weights as published: He et al. 2015 by what comes in, biases zero. Changes the network."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


@lru_cache(maxsize=2)
def load(path: Path, device: str = "cpu") -> StarGAN:
    """The networks of a file, float32, in evaluation mode, without gradients; its discriminator is left out.

    Args:
        path: safetensors in float32 or float16 with the metadata "facts" of `maquette weights convert starganv2`.

    Raises:
        BadInput: no such file, another format, tensors that do not fit or are damaged.
    """
    with opened(path, "StarGAN v2's weights", REMEDY) as file:
        size = size_of(file.metadata() or {}, path)
        keys = [key for key in file.keys() if not key.startswith("discriminator.")]
        tensors = {key: file.get_tensor(key) for key in keys}
    compare(tensors, shapes(size), path, "StarGAN v2")
    check_numbers(tensors, path)
    # No memory is taken, and no numbers drawn, for weights that are replaced anyway.
    with torch.device("meta"):
        networks = StarGAN(size)
    networks.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    return networks.requires_grad_(False).eval().to(device)


def size_of(metadata: Mapping[str, str], path: Path) -> StarSize:
    """The sizes that a file's metadata name.

    Raises:
        BadInput: they name none, or another network.
    """
    try:
        facts = json.loads(metadata.get("facts", "{}"))
        if facts["network"] != "starganv2":
            raise ValueError(facts["network"])
        return StarSize.of(facts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: its metadata do not say that it is a StarGAN v2: {REMEDY}") from error
