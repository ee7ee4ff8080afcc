"""Weights of VRN from Torch7 and PyTorch files to our safetensors, whose metadata says what the network wants.

Both independent PyTorch ports and the modules of the released Torch7 file use the same places ("9.1.0.0.3.2.0.0.5" is
a convolution deep in the second stack). Which tensors belong to a size follows from those places, here without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.weights.convert import torch7
from maquette.weights.convert.pytorch import Converted, Shapes, compare, expect_usual, few, load, save_arrays
from maquette.weights.tensors import opened

LEVELS = 4
STEM = "0.weight"  # (64, channels, 7, 7): where a prefix as "module." ends
COUNTER = "num_batches_tracked"
WRAPPINGS = ("state_dict", "model", "network", "net")
MOST_REPEATS = 64  # residuals per position or stacks; the largest network of the thesis has 8
SIDE = 192  # pixels of the released network's picture
FORMATS = (".t7", ".net", ".pth", ".pt", ".pkl", ".safetensors")

Tensors = Mapping[str, NDArray[Any]]


def convert(source: Path, target: Path, bn_stats: str = "image", crop: str = "matlab", side: int = SIDE) -> Converted:
    """Write the weights of one file as our safetensors.

    Args:
        source: .t7 (or .net), .pth or .pt with a state_dict, or .safetensors.
        target: the file to write; it is there whole or not at all.
        bn_stats: statistics that the network was evaluated with, "image" or "running".
        crop: how pictures were cut for it, "matlab" or "bash".
        side: of its pictures, pixels.

    Raises:
        BadInput: the file cannot be read or written, or it is another network; missing and unexpected tensors and
            wrong shapes are counted, the first ones named.
    """
    if bn_stats not in ("image", "running") or crop not in ("matlab", "bash"):
        raise BadInput(f"wanted bn-stats image or running and crop matlab or bash, got {bn_stats} and {crop}")
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is the source itself: name another file with -o")
    tensors, ignored = _stripped(_tensors(source), source)
    size = size_of(tensors)
    expected = shapes(**size)
    compare(tensors, expected, source, "VRN")
    kinds = [key for key in expected if tensors[key].dtype.kind != "f"]
    if kinds:
        raise BadInput(f"{source}: wanted floating point numbers, {len(kinds)} tensors hold others ({few(kinds)})")
    facts = {"size": json.dumps(size), "side": str(side), "bn_stats": bn_stats, "crop": crop, "source": source.name}
    plain = {key: np.array(tensors[key], np.float32, order="C") for key in expected}  # writable, as torch wants it
    damaged = [key for key, value in plain.items() if not np.isfinite(value).all()]
    damaged += [key for key, value in plain.items() if key.endswith("running_var") and (value < 0).any()]
    if damaged:
        raise BadInput(
            f"{source}: damaged: {len(damaged)} tensors hold NaN, infinity or negative variances ({few(damaged)})"
        )
    save_arrays(plain, facts, target)
    statistics = sum(value.size for key, value in plain.items() if ".running_" in key)
    return Converted(target, sum(value.size for value in plain.values()) - statistics, size, crop, ignored)


def shapes(channels: int, features: int, residuals: int, stacks: int, depth: int) -> Shapes:
    """Every tensor of a VRN and its shape, without counters of batches, in the order of the network.

    Example:
        >>> len(shapes(3, 256, 3, 2, 200))
        1644
    """
    found: Shapes = {}
    for place, before, after, kernel in _convolutions(channels, features, residuals, stacks, depth):
        found[f"{place}.weight"], found[f"{place}.bias"] = (after, before, kernel, kernel), (after,)
    for place, width in _normalisations(features, residuals, stacks):
        for name in ("weight", "bias", "running_mean", "running_var"):
            found[f"{place}.{name}"] = (width,)
    return found


def _residuals(features: int, residuals: int, stacks: int) -> Iterator[tuple[str, int, int]]:
    """(place, channels before, channels after) of every residual block."""
    yield from (("3", 64, 128), ("5", 128, 128), ("6", 128, features))
    for stack in range(stacks):
        for level in range(LEVELS):
            base = f"{7 + 2 * stack}.1" + f".0.0.{residuals}" * level
            lower = (3 if level == LEVELS - 1 else 2) * residuals
            places = [f"{base}.0.0.{k}" for k in range(residuals)]
            places += [f"{base}.0.1.{k}" for k in range(1, lower + 1)] + [f"{base}.2"]
            yield from ((place, features, features) for place in places)


def _units(stacks: int) -> list[str]:
    """Places of 1x1 convolutions that a normalisation follows."""
    return [f"{7 + 2 * k}.1.{unit}" for k in range(stacks) for unit in (3, 4)] + [f"{7 + 2 * stacks}.0.0"]


def _convolutions(
    channels: int, features: int, residuals: int, stacks: int, depth: int
) -> Iterator[tuple[str, int, int, int]]:
    """(place, channels before, channels after, side of the kernel)."""
    yield "0", channels, 64, 7
    for place, before, after in _residuals(features, residuals, stacks):
        half = after // 2
        yield f"{place}.0.0.2", before, half, 1
        yield f"{place}.0.0.5", half, half, 3
        yield f"{place}.0.0.8", half, after, 1
        if before != after:
            yield f"{place}.0.1.0", before, after, 1
    for place in _units(stacks):
        yield f"{place}.0", features, features, 1
    yield f"{7 + 2 * stacks}.0.1", features, depth, 1


def _normalisations(features: int, residuals: int, stacks: int) -> Iterator[tuple[str, int]]:
    """(place, channels)."""
    yield "1", 64
    for place, before, after in _residuals(features, residuals, stacks):
        yield f"{place}.0.0.0", before
        yield f"{place}.0.0.3", after // 2
        yield f"{place}.0.0.6", after // 2
    for place in _units(stacks):
        yield f"{place}.1", features


def size_of(tensors: Tensors) -> dict[str, int]:
    """The fields of a VRN's size, read off the tensors; the released size where they do not say."""
    stacks = _run(tensors, "{}.1.3.0.weight", 7, 2)
    residuals = _run(tensors, "7.1.0.0.{}.0.0.2.weight", 0, 1)
    size = {"channels": 3, "features": 256, "residuals": residuals or 3, "stacks": stacks or 2, "depth": 200}
    head = f"{7 + 2 * size['stacks']}.0.1.weight"
    for name, key, axis in (("channels", STEM, 1), ("features", "6.0.0.8.weight", 0), ("depth", head, 0)):
        if key in tensors and tensors[key].ndim == 4:
            size[name] = tensors[key].shape[axis]
    return size


def _run(tensors: Tensors, pattern: str, start: int, step: int) -> int:
    """How many keys of a pattern there are, one after another."""
    count = 0
    while count < MOST_REPEATS and pattern.format(start + step * count) in tensors:
        count += 1
    return count


def _stripped(tensors: Tensors, source: Path) -> tuple[Tensors, int]:
    """Tensors without a common prefix, without counters; how many counters there were."""
    stems = [key for key, value in tensors.items() if f".{key}".endswith(f".{STEM}") and value.shape[2:] == (7, 7)]
    prefix = stems[0][: -len(STEM)] if len(stems) == 1 else ""
    kept = {key.removeprefix(prefix): value for key, value in tensors.items() if not key.endswith(COUNTER)}
    ignored = sum(key.endswith(COUNTER) for key in tensors)
    if len(kept) + ignored != len(tensors):
        raise BadInput(f"{source}: tensors with and without the prefix {prefix!r} have the same names")
    return kept, ignored


def _tensors(source: Path) -> Tensors:
    if source.suffix.lower() not in FORMATS:
        raise BadInput(f"{source}: wanted weights in {', '.join(FORMATS)}, got {source.suffix or 'no extension'}")
    if not source.is_file():
        raise BadInput(f"{source}: wanted a file of weights, there is none")
    if source.suffix.lower() in (".t7", ".net"):
        return torch7.parameters(torch7.read(source), source)
    return _safetensors(source) if source.suffix.lower() == ".safetensors" else _pytorch(source)


def _safetensors(source: Path) -> Tensors:
    import torch

    # Through torch, since numpy has no bfloat16.
    with opened(source, "VRN weights", "take the published file") as file:
        return {key: _array(file.get_tensor(key), torch) for key in list(file.keys())}


def _pytorch(source: Path) -> Tensors:
    """Tensors of a state_dict, through torch's restricted reader, which makes nothing but tensors and containers."""
    import torch

    held = source.stat().st_size
    found = load(source, wanted="a PyTorch file of tensors alone, as torch.save(network.state_dict()) writes")
    found = _unwrapped(found)
    tensors = {str(key): value for key, value in found.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise BadInput(f"{source}: wanted a state_dict, the file holds no named tensors")
    expect_usual(tensors, source)
    if sum(value.numel() * value.element_size() for value in tensors.values()) > held:
        raise BadInput(f"{source}: its tensors share storage and claim more than the file's {held} bytes")
    return {key: _array(value, torch) for key, value in tensors.items()}


def _unwrapped(found: Any) -> Mapping[Any, Any]:
    for name in WRAPPINGS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            return found[name]
    return found if isinstance(found, Mapping) else {}


def _array(tensor: Any, torch: Any) -> NDArray[Any]:
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
