"""Weights of HRN from the published checkpoints' layouts to one safetensors file.

The main file is one dictionary: `net_recon` (coefficients), `mid_net` (deformation), `high_net` (displacement), the
scalars `alpha` and `beta`, and states of optimisers, which are left alone. The network that undoes retouching and the
one of 106 landmarks have files of their own, `generator` and `state_dict`. All tensors are listed here without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.pytorch import Converted, Shapes, check_numbers, expect_usual, few

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("net_recon", "mid_net", "high_net")
SCALARS = ("alpha", "beta")
COUNTER, STATISTICS = "num_batches_tracked", ".running_"
WRAPPED = "module."  # before every key of a network that was trained on several devices
Layers = Iterator[tuple[str, tuple[int, ...]]]


def convert(source: Path, target: Path, retouching: Path | None = None, landmarks: Path | None = None) -> Converted:
    """Write the weights of the checkpoints as one safetensors file.

    Args:
        source: the main file (epoch_10.pth, pytorch_model.pt). retouching: de_retouching_model.pth, or None.
        landmarks: large_base_net.pth, or None.
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
            more, counters = _network(_item(found, key, path), name, path)
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
    for name in NETWORKS:
        more, counters = _network(_item(found, name, source), name, source)
        tensors, ignored = tensors | more, ignored + counters
    scalars = {}
    for name in SCALARS:
        value = _item(found, name, source)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise BadInput(f"{source}: {name}: wanted a tensor of one number, got {type(value).__name__}")
        scalars[name] = value.detach().reshape(1)
    check_numbers(scalars, source)
    return tensors | scalars, ignored


def _item(found: Any, key: str, source: Path) -> Any:
    if not isinstance(found, Mapping) or key not in found:
        keys = few([str(other) for other in found]) if isinstance(found, Mapping) else type(found).__name__
        raise BadInput(f"{source}: wanted an HRN checkpoint with {key}, got {keys or 'nothing'}")
    return found[key]


def _network(state: Any, name: str, source: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors of one network by "name.key", and how many counters were left out."""
    import torch

    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(f"{source}: {name}: wanted named tensors, got others")
    expect_usual(state, source)
    plain = {str(key).removeprefix(WRAPPED): value.detach() for key, value in state.items()}
    tensors = {key: value for key, value in plain.items() if not key.endswith(COUNTER)}
    expected = shapes(name)
    pytorch.compare(tensors, expected, source, f"{name} of HRN")
    check_numbers(tensors, source)
    if any(key.endswith("running_var") and (value < 0).any() for key, value in tensors.items()):
        raise BadInput(f"{source}: damaged: {name} has negative variances")
    return {f"{name}.{key}": tensors[key] for key in expected}, len(state) - len(tensors)


def _convolution(place: str, shape: tuple[int, ...], bias: bool = True, transposed: bool = False) -> Layers:
    yield f"{place}.weight", shape
    if bias:
        yield f"{place}.bias", (shape[1 if transposed else 0],)


def _norm(place: str, width: int) -> Layers:
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{place}.{name}", (width,)


def _regressor_shapes() -> Layers:
    """ResNet-50 and seven heads."""
    body, before = "backbone", 64
    yield from _convolution(f"{body}.conv1", (64, 3, 7, 7), bias=False)
    yield from _norm(f"{body}.bn1", 64)
    for stage, (narrow, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for k in range(count):
            place = f"{body}.layer{stage}.{k}"
            for number, (inside, after, side) in enumerate(
                ((before, narrow, 1), (narrow, narrow, 3), (narrow, 4 * narrow, 1)), 1
            ):
                yield from _convolution(f"{place}.conv{number}", (after, inside, side, side), bias=False)
                yield from _norm(f"{place}.bn{number}", after)
            if k == 0:
                yield from _convolution(f"{place}.downsample.0", (4 * narrow, before, 1, 1), bias=False)
                yield from _norm(f"{place}.downsample.1", 4 * narrow)
            before = 4 * narrow
    for k, width in enumerate((80, 64, 80, 3, 27, 2, 1)):
        yield from _convolution(f"final_layers.{k}", (width, 2048, 1, 1))


def _generator_shapes(channels: int, outputs: int) -> Layers:
    """Nine residual blocks between two halvings and two doublings."""
    yield from _convolution("model.1", (64, channels, 7, 7))
    for place, width in ((4, 64), (7, 128)):
        yield from _convolution(f"model.{place}", (2 * width, width, 3, 3))
    for place in range(10, 19):
        for inner in (1, 6):
            yield from _convolution(f"model.{place}.conv_block.{inner}", (256, 256, 3, 3))
    for place, width in ((19, 256), (22, 128)):
        yield from _convolution(f"model.{place}", (width, width // 2, 3, 3), transposed=True)
    yield from _convolution("model.26", (outputs, 64, 7, 7))


def _retouching_shapes() -> Layers:
    """U-Net with four heads that only its training needed."""
    encoder, decoder = (64, 128, 256, 512, 512), (256, 128, 64, 64)
    blocks = [("inc.conv.conv", 3, 64)]
    blocks += [(f"down{k}.mpconv.1.conv", encoder[k - 1], encoder[k]) for k in range(1, 5)]
    inner = (encoder[-1], *decoder)
    blocks += [(f"up{k}.conv.conv", inner[k - 1] + encoder[-1 - k], inner[k]) for k in range(1, 5)]
    for place, before, after in blocks:
        for number, width in ((0, before), (3, after)):
            yield from _convolution(f"{place}.{number}", (after, width, 3, 3))
            yield from _norm(f"{place}.{number + 1}", after)
    yield from _convolution("outc.conv", (3, 64, 1, 1))
    for k, width in zip((4, 3, 2, 1), decoder):
        yield from _convolution(f"dsoutc{k}.conv", (3, width, 1, 1))


def _landmark_shapes() -> Layers:
    """Inverted residuals between two units of convolution, normalisation and slopes."""
    units = (("block1", 3, 64), ("block18", 128, 256))
    for place, before, after in units:
        yield from _convolution(f"{place}.0", (after, before, 3, 3), bias=False)
        yield from _norm(f"{place}.1", after)
        yield f"{place}.2.weight", (after,)
    for number in range(2, 18):
        before, after = 64 if number < 9 else 128, 64 if number < 8 else 128
        place, wide = f"block{number}.conv", before * (4 if 9 <= number < 15 else 2)
        yield from _convolution(f"{place}.0", (wide, before, 1, 1), bias=False)
        yield from _convolution(f"{place}.3", (wide, 1, 3, 3), bias=False)
        yield from _convolution(f"{place}.6", (after, wide, 1, 1), bias=False)
        for inner, width in ((1, wide), (4, wide), (7, after)):
            yield from _norm(f"{place}.{inner}", width)
        for inner in (2, 5):
            yield f"{place}.{inner}.weight", (wide,)
    yield "block19.weight", (106, 256, 3, 3)
