"""Loads a VRN from our safetensors, whose metadata hold its size and what it wants to see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from maquette.core.errors import BadInput
from maquette.reconstruction.vrn.crop import CROPS, FILL
from maquette.reconstruction.vrn.network import BN_STATS, VRN, VRNSize
from maquette.weights.convert.pytorch import compare, few
from maquette.weights.convert.vrn import shapes
from maquette.weights.tensors import opened

REMEDY = "make it with maquette weights convert vrn, or with maquette train vrn"
# Far above every network of the thesis: what a file may make us build before its tensors are compared.
MOST = VRNSize(channels=256, features=2048, residuals=64, stacks=16, depth=2048)
MOST_SIDE = 2048  # pixels
FRONT_ERROR_M = 0.0015  # of a published network; its authors report half the error of fitted models


def load(path: str | Path) -> VRN:
    """The network of a file, in float32 and evaluation mode, without gradients.

    Args:
        path: safetensors, in float32 or float16, with the metadata "size" (JSON of `VRNSize`), "side", "bn_stats",
            "crop", and perhaps "fill", "upright" and "front_error" (metres); a published file has them inside "facts".

    Raises:
        BadInput: no such file, another format, metadata that are missing or impossible, tensors that do not fit them.
    """
    path = Path(path)
    with opened(path, "VRN weights", REMEDY) as file:
        metadata = _metadata(file.metadata(), path)
        size = _size(metadata, path)
        side = _number(metadata, "side", 8, MOST_SIDE, path)
        keys = [key for key in list(file.keys()) if not key.endswith("num_batches_tracked")]
        tensors = {key: file.get_tensor(key) for key in keys}
    if side % 8:
        raise BadInput(f"{path}: metadata side {side}: wanted a multiple of 8")
    # No memory is taken for weights that are replaced anyway.
    with torch.device("meta"):
        network = VRN(size, _one_of(metadata, "bn_stats", BN_STATS, path))
    network.load_state_dict(_state(tensors, size, path) | _counters(network), assign=True)
    network.side, network.crop = int(side), _one_of(metadata, "crop", CROPS, path)
    network.fill = _number(metadata, "fill", 0.1, 1, path) if "fill" in metadata else FILL
    network.front_error = (
        _number(metadata, "front_error", 1e-4, 0.1, path) if "front_error" in metadata else FRONT_ERROR_M
    )
    network.upright = _one_of(metadata, "upright", ("0", "1"), path) == "1" if "upright" in metadata else False
    return network.requires_grad_(False).eval()


def _metadata(stored: Mapping[str, str] | None, path: Path) -> Mapping[str, Any]:
    """The metadata of a file, those of a published one from its "facts"."""
    metadata: dict[str, Any] = dict(stored or {})
    if "facts" in metadata and "size" not in metadata:
        metadata = _json(metadata["facts"], "facts", path)
    missing = [name for name in ("size", "side", "bn_stats", "crop") if name not in metadata]
    if missing:
        raise BadInput(f"{path}: its metadata lack {', '.join(missing)}: {REMEDY}")
    return metadata


def _json(text: Any, name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"{path}: metadata {name}: wanted a JSON object, got {str(text)[:60]!r}")
    return found


def _size(metadata: Mapping[str, Any], path: Path) -> VRNSize:
    found = _json(metadata["size"], "size", path)
    names = [field.name for field in fields(VRNSize)]
    wrong = sorted({*found} ^ {*names})
    if wrong:
        raise BadInput(f"{path}: metadata size: wanted {', '.join(names)}; {few(wrong)} is missing or unknown")
    for name, value in found.items():
        if type(value) is not int or not 1 <= value <= getattr(MOST, name):
            raise BadInput(f"{path}: metadata size: {name} {value!r}: wanted 1 to {getattr(MOST, name)}")
    return VRNSize(**found)


def _number(metadata: Mapping[str, Any], name: str, least: float, most: float, path: Path) -> float:
    try:
        value = float(metadata[name])
    except (TypeError, ValueError):
        value = float("nan")
    # A NaN fails both comparisons.
    if not least <= value <= most:
        raise BadInput(f"{path}: metadata {name} {str(metadata[name])[:60]!r}: wanted {least:g} to {most:g}")
    return value


def _one_of(metadata: Mapping[str, Any], name: str, choices: tuple[str, ...], path: Path) -> str:
    if metadata[name] not in choices:
        raise BadInput(f"{path}: metadata {name} {str(metadata[name])[:60]!r}: wanted {' or '.join(choices)}")
    return metadata[name]


def _state(tensors: Mapping[str, torch.Tensor], size: VRNSize, path: Path) -> dict[str, torch.Tensor]:
    compare(tensors, shapes(**vars(size)), path, "VRN")
    damaged = [key for key, t in tensors.items() if not t.is_floating_point() or not torch.isfinite(t.float()).all()]
    damaged += [key for key, t in tensors.items() if key.endswith("running_var") and (t < 0).any()]
    if damaged:
        raise BadInput(
            f"{path}: damaged: {len(damaged)} tensors hold NaN, infinity, negative variances or whole numbers"
            f" ({few(damaged)})"
        )
    return {key: tensor.float() for key, tensor in tensors.items()}


def _counters(network: VRN) -> dict[str, torch.Tensor]:
    return {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
