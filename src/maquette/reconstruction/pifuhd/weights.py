"""Loads a published PIFuHD from our safetensors, whose metadata hold its size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.hourglass import FilterSize
from maquette.reconstruction.pifuhd.mlp import PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDSize
from maquette.reconstruction.pifuhd.normalnet import NormalSize
from maquette.weights.convert.pifuhd import CROPS, ONCE, TWICE, shapes
from maquette.weights.convert.pytorch import compare, few
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert pifuhd"
PARTS = {
    "coarse": FilterSize,
    "coarse_points": PointSize,
    "fine": FilterSize,
    "fine_points": PointSize,
    "normals": NormalSize,
}
MOST = 16_384  # far above every number of a size: what a file may make us build before its tensors are compared
LEAST = {"merge": -1, "skips": 0}
ENLARGE = ("bicubic", "bilinear")
LISTS = ("widths", "skips")
MOST_LAYERS = 16
MOST_REPEATS = {"stacks": 16, "depth": 8, "halvings": 8, "blocks": 64}


def load(path: str | Path) -> PIFuHD:
    """The network of a file, in float32 and evaluation mode, without gradients.

    Args:
        path: safetensors in float32 or float16 with the metadata "network" (pifuhd), "size" (JSON of `PIFuHDSize`) and
            "crop" (fullbody, upperbody or face).

    Raises:
        BadInput: no such file, another format, metadata that are missing or impossible, tensors that do not fit them.
    """
    path = Path(path)
    with opened(path, "PIFuHD weights", REMEDY) as file:
        metadata = file.metadata() or {}
        size = _size(metadata, path)
        keys = file.keys()
        tensors = {key: file.get_tensor(key) for key in keys}
    if metadata.get("crop") not in CROPS:
        raise BadInput(f"{path}: metadata crop {str(metadata.get('crop'))[:60]!r}: wanted {', '.join(CROPS)}")
    compare(tensors, shapes(json.loads(metadata["size"])), path, "PIFuHD of the size in its metadata")
    damaged = [
        key for key, value in tensors.items() if not value.is_floating_point() or not value.float().isfinite().all()
    ]
    if damaged:
        raise BadInput(f"{path}: damaged: {len(damaged)} tensors hold NaN, infinity or no fractions ({few(damaged)})")
    # No memory is taken for weights that are replaced anyway.
    with torch.device("meta"):
        network = PIFuHD(size)
    state = {key: tensors[key.replace(TWICE, ONCE)].float() for key in network.state_dict()}
    network.load_state_dict(state, assign=True)
    network.crop = metadata["crop"]
    return network.requires_grad_(False).eval()


def _size(metadata: Mapping[str, str], path: Path) -> PIFuHDSize:
    if metadata.get("network") != "pifuhd" or "size" not in metadata:
        raise BadInput(f"{path}: its metadata lack the size of a PIFuHD: {REMEDY}")
    try:
        found = json.loads(metadata["size"])
        wrong = sorted({*found} ^ {field.name for field in fields(PIFuHDSize)})
        if wrong:
            raise ValueError(f"{few(wrong)} is missing or unknown")
        parts = {name: kind(**checked(found[name])) for name, kind in PARTS.items()}
        return PIFuHDSize(**parts, **checked({name: found[name] for name in ("side", "depth")}, {}))
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise BadInput(f"{path}: metadata size: {' '.join(str(error).split())[:120]}: {REMEDY}") from error


def checked(found: Mapping[str, Any], most: Mapping[str, int] = MOST_REPEATS) -> dict[str, Any]:
    """The fields of one part, lists as tuples."""
    result = {}
    for name, value in found.items():
        if name == "enlarge":
            if value not in ENLARGE:
                raise ValueError(f"{name} {str(value)[:40]!r}: wanted {' or '.join(ENLARGE)}")
            result[name] = value
            continue
        numbers = value if isinstance(value, list) else [value]
        least, kind = LEAST.get(name, 1), bool if name == "halved" else int
        highest = most.get(name, MOST)
        within = all(type(number) is kind and (kind is bool or least <= number <= highest) for number in numbers)
        if not within or len(numbers) > MOST_LAYERS or isinstance(value, list) != (name in LISTS):
            raise ValueError(f"{name} {str(value)[:40]!r} is out of range")
        result[name] = tuple(numbers) if name in LISTS else value
    return result
