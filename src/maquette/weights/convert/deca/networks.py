"""Weights of DECA from the published checkpoint's layout to one safetensors file.

`deca_model.tar` is a dictionary: `E_flame` (codes of the head), `E_detail` (its detail code), `D_detail`
(displacement); states of optimisers beside them are left alone. All tensors are listed here without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.layers import Layers, convolution, norm, resnet50
from maquette.weights.convert.pytorch import STATISTICS, Converted, Shapes

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("E_flame", "E_detail", "D_detail")
OUTPUTS = {"E_flame": 236, "E_detail": 128}
KIND = "DECA"


def convert(source: Path, target: Path) -> Converted:
    """Write the weights of a checkpoint as one safetensors file.

    Args:
        source: deca_model.tar, or a checkpoint of the published training.
        target: the file to write; it is there whole or not at all.

    Raises:
        BadInput: a file cannot be read or written, or it is another network.
    """
    return written(source, target, {name: shapes(name) for name in NETWORKS}, KIND, "deca")


def written(source: Path, target: Path, expected: Mapping[str, Shapes], kind: str, network: str) -> Converted:
    """Write networks of one checkpoint, each under its name; see `convert`."""
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is a source itself: name another file with -o")
    found, ignored = pytorch.load(source), 0
    tensors: dict[str, Tensor] = {}
    for name, listed in expected.items():
        state = pytorch.item(found, name, source, kind)
        more, counters = pytorch.network_of(state, name, listed, source, kind)
        tensors, ignored = tensors | more, ignored + counters
    facts = {"network": network, "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    learned = sum(value.numel() for key, value in tensors.items() if STATISTICS not in key)
    return Converted(target, learned, ignored=ignored)


def shapes(name: str) -> Shapes:
    """Every tensor of a network and its shape, without counters of batches.

    Args:
        name: E_flame, E_detail or D_detail.

    Example:
        >>> len(shapes("E_flame")), len(shapes("D_detail"))
        (269, 38)
    """
    return dict(generator() if name == "D_detail" else [*resnet50("encoder"), *code_layers(OUTPUTS[name])])


def code_layers(outputs: int) -> Layers:
    """Two layers from 2048 features to codes."""
    yield from convolution("layers.0", (1024, 2048))
    yield from convolution("layers.2", (outputs, 1024))


def generator() -> Layers:
    """A linear layer, and six convolutions between normalisations."""
    yield from convolution("l1.0", (8192, 181))
    yield from norm("conv_blocks.0", 128)
    widths = (128, 128, 64, 64, 32, 16)
    for k in range(5):
        yield from convolution(f"conv_blocks.{2 + 4 * k}", (widths[k + 1], widths[k], 3, 3))
        yield from norm(f"conv_blocks.{3 + 4 * k}", widths[k + 1])
    yield from convolution("conv_blocks.21", (1, 16, 3, 3))
