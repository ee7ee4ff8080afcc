"""Weights of PIFuHD from the published checkpoint's layout to our safetensors, whose metadata holds the network's size.

A checkpoint is one dictionary: `opt` and `opt_netG` (options of the fine and of the coarse level, `argparse.Namespace`)
and `model_state_dict`. Sizes are read off the options and checked against the tensors; both are listed here without
torch. Options that do not matter for results are left alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.pytorch import Converted, Shapes, check_numbers, expect_usual, few

CONTENTS = ("opt", "opt_netG", "model_state_dict")
TWICE, ONCE = ".downsample.0.", ".bn4."  # the two names of one tensor
WIDTH = 256  # of the hourglasses, fixed in the published code
NORMALS = {"channels": 3, "width": 64, "halvings": 4, "blocks": 9}  # fixed there as well
CROPS = ("fullbody", "upperbody", "face")
MOST = {"num_stack": 16, "hg_depth": 8, "hg_dim": 4096, "loadSize": 4096, "loadSizeBig": 8192, "z_size": 10_000}
MOST_LAYERS, MOST_WIDTH = 16, 16_384

if TYPE_CHECKING:
    from torch import Tensor

Size = Mapping[str, Any]


def convert(source: Path, target: Path) -> Converted:
    """Write the weights of a checkpoint as our safetensors; tensors with two names once.

    Args:
        source: the published file (torch.save, zipped or as before 1.6) or one of the same layout.
        target: the file to write; it is there whole or not at all.

    Raises:
        BadInput: the file cannot be read or written, or it is another network.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is the source itself: name another file with -o")
    found = pytorch.load(source, (argparse.Namespace,))
    keys = [str(key) for key in found] if isinstance(found, Mapping) else []
    if not {*CONTENTS} <= {*keys}:
        raise BadInput(f"{source}: wanted a PIFuHD checkpoint with {', '.join(CONTENTS)}, got {few(keys) or 'none'}")
    fine, coarse = (_options(found[name], name, source) for name in CONTENTS[:2])
    size, crop = size_of(fine, coarse, source), _word(fine, "crop_type", CROPS, source, CROPS[0])
    tensors = _tensors(found["model_state_dict"], source)
    pytorch.compare(tensors, shapes(size), source, "PIFuHD of the size that its options give")
    check_numbers(tensors, source)
    facts = {"network": "pifuhd", "size": json.dumps(size), "crop": crop, "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    return Converted(target, sum(value.numel() for value in tensors.values()), size, crop)


def size_of(fine: Mapping[str, Any], coarse: Mapping[str, Any], source: Path) -> Size:
    """The fields of a `PIFuHDSize`, read off the options of both levels.

    Raises:
        BadInput: an option is missing, out of range, or of a network that is built otherwise.
    """
    for name, options in (("fine", fine), ("coarse", coarse)):
        _word(options, "norm", ("group",), source)
        # A normalisation there would mix points, so that results depended on how points are grouped.
        if options.get("mlp_norm") not in ("none", None):
            raise BadInput(f"{source}: {name} mlp_norm {str(options['mlp_norm'])[:20]!r}: wanted none")
    for name in ("use_front_normal", "use_back_normal"):
        if coarse.get(name) is not True:
            raise BadInput(f"{source}: {name} {str(coarse.get(name))[:20]!r}: wanted a network with both normal maps")
    # Ways of halving other than these two are never built by the published code.
    halved = _word(coarse, "hg_down", ("ave_pool", "no_down"), source) == "ave_pool"
    side, depth = _whole(coarse, "loadSize", source), _whole(coarse, "z_size", source)
    if fine.get("loadSizeBig") is not None and _whole(fine, "loadSizeBig", source) != 2 * side:
        raise BadInput(f"{source}: loadSizeBig {fine['loadSizeBig']}: wanted twice the coarse side, {2 * side}")
    levels = [_filter(fine, False, source), _filter(coarse, halved, source)]
    points = [_points(fine, source), _points(coarse, source)]
    merge = coarse.get("merge_layer", -1)
    if type(merge) is not int or merge >= len(points[1]["widths"]) - 2:
        raise BadInput(f"{source}: merge_layer {str(merge)[:20]!r}: wanted a layer before the last one")
    points[1]["merge"] = merge if merge > 0 else len(points[1]["widths"]) // 2
    wanted = (
        (points[1]["widths"][0], levels[1]["features"] + 1),
        (points[0]["widths"][0], levels[0]["features"] + points[1]["widths"][points[1]["merge"] + 1]),
    )
    if any(given != due for given, due in wanted):
        raise BadInput(
            f"{source}: mlp_dim begins with {wanted[0][0]} and {wanted[1][0]}: wanted {wanted[0][1]} (coarse) and"
            f" {wanted[1][1]} (fine)"
        )
    return {
        "coarse": levels[1],
        "coarse_points": points[1],
        "fine": levels[0],
        "fine_points": points[0],
        "normals": NORMALS,
        "side": side,
        "depth": depth,
    }


def shapes(size: Size) -> Shapes:
    """Every tensor of a PIFuHD and its shape; what has two names only by the first, `bn4`.

    Args:
        size: the fields of a `PIFuHDSize`.
    """
    found = {f"image_filter.{key}": shape for key, shape in _filter_shapes(size["fine"])}
    found |= {f"mlp.{key}": shape for key, shape in _point_shapes(size["fine_points"])}
    found |= {f"netG.image_filter.{key}": shape for key, shape in _filter_shapes(size["coarse"])}
    found |= {f"netG.mlp.{key}": shape for key, shape in _point_shapes(size["coarse_points"])}
    for net in ("netF", "netB"):
        found |= {f"netG.{net}.model.{key}": shape for key, shape in _normal_shapes(**size["normals"])}
    return found


def _filter_shapes(size: Size) -> Iterator[tuple[str, tuple[int, ...]]]:
    channels, stacks, depth, features = (size[name] for name in ("channels", "stacks", "depth", "features"))
    width, half, quarter = size["width"], size["width"] // 2, size["width"] // 4
    yield from _layer("conv1", (quarter, channels, 7, 7))
    yield from _layer("bn1", (quarter,))
    blocks = [("conv2", quarter, half), ("conv3", half, half), ("conv4", half, width)]
    for k in range(stacks):
        inner = [f"m{k}.b{j}_{level}" for level in range(1, depth + 1) for j in (1, 2, 3)]
        blocks += [(place, width, width) for place in (*inner, f"m{k}.b2_plus_1", f"top_m_{k}")]
        yield from _layer(f"conv_last{k}", (width, width, 1, 1))
        yield from _layer(f"bn_end{k}", (width,))
        yield from _layer(f"l{k}", (features, width, 1, 1))
        if k < stacks - 1:
            yield from _layer(f"bl{k}", (width, width, 1, 1))
            yield from _layer(f"al{k}", (width, features, 1, 1))
    for place, before, after in blocks:
        widths = (before, after // 2, after // 4, after // 4)
        for k in (1, 2, 3):
            yield f"{place}.conv{k}.weight", (widths[k], widths[k - 1], 3, 3)
        for k, count in enumerate((before, after // 2, after // 4, before), 1):
            yield from _layer(f"{place}.bn{k}", (count,))
        if before != after:
            yield f"{place}.downsample.2.weight", (after, before, 1, 1)


def _point_shapes(size: Size) -> Iterator[tuple[str, tuple[int, ...]]]:
    widths = size["widths"]
    for k, after in enumerate(widths[1:]):
        yield from _layer(f"filters.{k}", (after, widths[k] + (widths[0] if k in size["skips"] else 0), 1))


def _normal_shapes(channels: int, width: int, halvings: int, blocks: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _layer("1", (width, channels, 7, 7))
    for k in range(halvings):
        yield from _layer(f"{4 + 3 * k}", (2 * width << k, width << k, 3, 3))
    start, widest = 4 + 3 * halvings, width << halvings
    for k in range(blocks):
        yield from _layer(f"{start + k}.conv_block.1", (widest, widest, 3, 3))
        yield from _layer(f"{start + k}.conv_block.5", (widest, widest, 3, 3))
    start += blocks
    for k in range(halvings):
        # Transposed convolutions count the channels that enter first.
        yield f"{start + 3 * k}.weight", (widest >> k, widest >> k + 1, 3, 3)
        yield f"{start + 3 * k}.bias", (widest >> k + 1,)
    yield from _layer(f"{start + 3 * halvings + 1}", (3, width, 7, 7))


def _layer(place: str, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{place}.weight", shape
    yield f"{place}.bias", shape[:1]


def _options(found: Any, name: str, source: Path) -> Mapping[str, Any]:
    if not isinstance(found, argparse.Namespace):
        raise BadInput(f"{source}: {name}: wanted options (argparse.Namespace), got {type(found).__name__}")
    return vars(found)


def _filter(options: Mapping[str, Any], halved: bool, source: Path) -> dict[str, Any]:
    stacks, depth, features = (_whole(options, name, source) for name in ("num_stack", "hg_depth", "hg_dim"))
    return {
        "channels": 9,
        "stacks": stacks,
        "depth": depth,
        "features": features,
        "halved": halved,
        "width": WIDTH,
        "enlarge": "bicubic",
    }


def _points(options: Mapping[str, Any], source: Path) -> dict[str, Any]:
    found = {}
    for name, least, most in (("mlp_dim", 1, MOST_WIDTH), ("mlp_res_layers", 0, MOST_LAYERS)):
        values = options.get(name)
        if (
            not isinstance(values, list | tuple)
            or len(values) > MOST_LAYERS
            or not all(type(value) is int and least <= value <= most for value in values)
        ):
            raise BadInput(f"{source}: {name} {str(values)[:60]!r}: wanted a list of numbers from {least} to {most}")
        found[name] = list(values)
    if len(found["mlp_dim"]) < 3 or found["mlp_dim"][-1] != 1:
        raise BadInput(f"{source}: mlp_dim {found['mlp_dim']}: wanted at least two layers, the last with one channel")
    return {"widths": found["mlp_dim"], "skips": found["mlp_res_layers"], "merge": -1}


def _whole(options: Mapping[str, Any], name: str, source: Path) -> int:
    value = options.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= MOST[name]:
        raise BadInput(f"{source}: option {name} {str(value)[:20]!r}: wanted a whole number from 1 to {MOST[name]}")
    return value


def _word(
    options: Mapping[str, Any], name: str, choices: tuple[str, ...], source: Path, default: str | None = None
) -> str:
    value = options.get(name, default)
    if value not in choices:
        raise BadInput(f"{source}: option {name} {str(value)[:20]!r}: wanted {' or '.join(choices)}")
    return value


def _tensors(found: Any, source: Path) -> dict[str, Tensor]:
    """Tensors by their first names."""
    import torch

    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise BadInput(f"{source}: model_state_dict: wanted named tensors, got others")
    expect_usual(found, source)
    tensors: dict[str, Tensor] = {str(key): value.detach() for key, value in found.items() if TWICE not in str(key)}
    for key, value in found.items():
        first = str(key).replace(TWICE, ONCE)
        known = tensors.setdefault(first, value)
        if known.shape != value.shape or (TWICE in str(key) and not torch.equal(known, value)):
            raise BadInput(f"{source}: {key} and {first} differ: in a PIFuHD they are one tensor")
    return tensors
