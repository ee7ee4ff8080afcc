"""Weights of HRN from the published checkpoints' layouts to one safetensors file.

The main file is one dictionary: `net_recon` (coefficients), `mid_net` (deformation), `high_net` (displacement), the
scalars `alpha` and `beta`, and states of optimisers, which are left alone. The network that undoes retouching and the
one of 106 landmarks have files of their own, `generator` and `state_dict`. All tensors are listed here without torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.layers import Layers, convolution, norm, resnet50
from maquette.weights.convert.pytorch import STATISTICS, Converted, Shapes, check_numbers

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("net_recon", "mid_net", "high_net")
SCALARS = ("alpha", "beta")
KIND = "HRN"


def convert(source: Path, target: Path, retouching: Path | None = None, landmarks: Path | None = None) -> Converted:
    """Write the weights of the checkpoints as one safetensors file.

    Args:
        source: the main file (epoch_10.pth, pytorch_model.pt), or the published head's.
        retouching: de_retouching_model.pth, or None. landmarks: large_base_net.pth, or None.
        target: the file to write; it is there whole or not at all.

    Raises:
        BadInput: a file cannot be read or written, or it is another network.
    """
    for path in (source, retouching, landmarks):
        if path is not None and target.exists() and path.exists() and target.samefile(path):
            raise BadInput(f"{target}: is a source itself: name another file with -o")
    tensors, ignored = _main(source)
    for name, path, key in (("retouching", retouching, "generator"), ("landmarks", landmarks, "state_dict")):
        if path is not None:
            found = pytorch.load(path)
            more, counters = pytorch.network_of(pytorch.item(found, key, path, KIND), name, shapes(name), path, KIND)
            tensors, ignored = tensors | more, ignored + counters
    parts = sorted({key.split(".")[0] for key in tensors} - {*SCALARS})
    facts = {"network": "hrn", "parts": json.dumps(parts), "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    learned = sum(value.numel() for key, value in tensors.items() if STATISTICS not in key)
    return Converted(target, learned, {"parts": parts}, ignored=ignored)


def shapes(name: str) -> Shapes:
    """Every tensor of a network and its shape, without counters of batches.

    Args:
        name: net_recon, mid_net, high_net, retouching or landmarks.

    Example:
        >>> len(shapes("net_recon")), len(shapes("mid_net"))
        (279, 48)
    """
    listed = {
        "net_recon": _regressor_shapes,
        "mid_net": lambda: _generator_shapes(6, 3),
        "high_net": lambda: _generator_shapes(9, 1),
        "retouching": _retouching_shapes,
        "landmarks": _landmark_shapes,
    }
    return dict(listed[name]())


def _main(source: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors of the main file by "network.key", and how many counters were left out."""
    import torch

    found, ignored = pytorch.load(source), 0
    tensors: dict[str, Tensor] = {}
    # The published head's file has the first network alone.
    head = not any(name in found for name in (*NETWORKS[1:], *SCALARS))
    for name in NETWORKS[:1] if head else NETWORKS:
        more, counters = pytorch.network_of(pytorch.item(found, name, source, KIND), name, shapes(name), source, KIND)
        tensors, ignored = tensors | more, ignored + counters
    scalars = {}
    for name in () if head else SCALARS:
        value = pytorch.item(found, name, source, KIND)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise BadInput(f"{source}: {name}: wanted a tensor of one number, got {type(value).__name__}")
        scalars[name] = value.detach().reshape(1)
    check_numbers(scalars, source)
    return tensors | scalars, ignored


def _regressor_shapes() -> Layers:
    """ResNet-50 and seven heads."""
    yield from resnet50("backbone")
    for k, width in enumerate((80, 64, 80, 3, 27, 2, 1)):
        yield from convolution(f"final_layers.{k}", (width, 2048, 1, 1))


def _generator_shapes(channels: int, outputs: int) -> Layers:
    """Nine residual blocks between two halvings and two doublings."""
    yield from convolution("model.1", (64, channels, 7, 7))
    for place, width in ((4, 64), (7, 128)):
        yield from convolution(f"model.{place}", (2 * width, width, 3, 3))
    for place in range(10, 19):
        for inner in (1, 6):
            yield from convolution(f"model.{place}.conv_block.{inner}", (256, 256, 3, 3))
    for place, width in ((19, 256), (22, 128)):
        yield from convolution(f"model.{place}", (width, width // 2, 3, 3), transposed=True)
    yield from convolution("model.26", (outputs, 64, 7, 7))


def _retouching_shapes() -> Layers:
    """U-Net with four heads that only its training needed."""
    encoder, decoder = (64, 128, 256, 512, 512), (256, 128, 64, 64)
    blocks = [("inc.conv.conv", 3, 64)]
    blocks += [(f"down{k}.mpconv.1.conv", encoder[k - 1], encoder[k]) for k in range(1, 5)]
    inner = (encoder[-1], *decoder)
    blocks += [(f"up{k}.conv.conv", inner[k - 1] + encoder[-1 - k], inner[k]) for k in range(1, 5)]
    for place, before, after in blocks:
        for number, width in ((0, before), (3, after)):
            yield from convolution(f"{place}.{number}", (after, width, 3, 3))
            yield from norm(f"{place}.{number + 1}", after)
    yield from convolution("outc.conv", (3, 64, 1, 1))
    for k, width in zip((4, 3, 2, 1), decoder):
        yield from convolution(f"dsoutc{k}.conv", (3, width, 1, 1))


def _landmark_shapes() -> Layers:
    """Inverted residuals between two units of convolution, normalisation and slopes."""
    units = (("block1", 3, 64), ("block18", 128, 256))
    for place, before, after in units:
        yield from convolution(f"{place}.0", (after, before, 3, 3), bias=False)
        yield from norm(f"{place}.1", after)
        yield f"{place}.2.weight", (after,)
    for number in range(2, 18):
        before, after = 64 if number < 9 else 128, 64 if number < 8 else 128
        place, wide = f"block{number}.conv", before * (4 if 9 <= number < 15 else 2)
        yield from convolution(f"{place}.0", (wide, before, 1, 1), bias=False)
        yield from convolution(f"{place}.3", (wide, 1, 3, 3), bias=False)
        yield from convolution(f"{place}.6", (after, wide, 1, 1), bias=False)
        for inner, width in ((1, wide), (4, wide), (7, after)):
            yield from norm(f"{place}.{inner}", width)
        for inner in (2, 5):
            yield f"{place}.{inner}.weight", (wide,)
    yield "block19.weight", (106, 256, 3, 3)
