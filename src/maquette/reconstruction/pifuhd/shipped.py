"""Loads the small body-conditioned network, or a published PIFuHD: whichever a file holds."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import torch

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.hourglass import FilterSize
from maquette.reconstruction.pifuhd.network import PIFuHD
from maquette.reconstruction.pifuhd.weights import PARTS, checked
from maquette.reconstruction.pifuhd.weights import load as load_published
from maquette.weights.convert.pytorch import compare
from maquette.weights.tensors import opened

REMEDY = "make it with maquette train pifuhd, or with maquette weights convert pifuhd"
SMALL = "pifuhd-body"  # metadata "network"


def load_any(path: str | Path, device: str = "cpu") -> BodyPIFuHD | PIFuHD:
    """The network of a file of either kind, in float32 and evaluation mode, without gradients.

    Args:
        path: safetensors; a small one has the metadata "network" (pifuhd-body) and "size" (JSON of `BodySize`), a
            file published by us inside "facts".
        device: where it is to compute.

    Raises:
        BadInput: no such file, another format, metadata that are missing or impossible, tensors that do not fit them.
    """
    path = Path(path)
    with opened(path, "PIFuHD weights", REMEDY) as file:
        metadata = file.metadata() or {}
        metadata = json.loads(metadata["facts"]) if "facts" in metadata and "size" not in metadata else metadata
        if metadata.get("network") != SMALL:
            return load_published(path).to(device)
        keys = file.keys()
        tensors = {key: file.get_tensor(key) for key in keys}
    with torch.device("meta"):
        network = BodyPIFuHD(_size(metadata.get("size"), path))
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    compare(tensors, wanted, path, "small PIFuHD of the size in its metadata")
    if not all(value.is_floating_point() and value.float().isfinite().all() for value in tensors.values()):
        raise BadInput(f"{path}: damaged: its tensors hold NaN, infinity or no fractions")
    network.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    return network.requires_grad_(False).eval().to(device)


def _size(text: object, path: Path) -> BodySize:
    try:
        found = json.loads(text) if isinstance(text, str) else text
        if not isinstance(found, dict) or {*found} != {field.name for field in fields(BodySize)}:
            raise ValueError("fields are missing or unknown")
        kinds = PARTS | {"normals": FilterSize}  # here a filter guesses them
        parts = {name: kinds[name](**checked(found[name])) for name in found if name != "side"}
        return BodySize(**parts, **checked({"side": found["side"]}))
    except (ValueError, TypeError, IndexError, KeyError, RecursionError) as error:
        raise BadInput(f"{path}: metadata size: {' '.join(str(error).split())[:120]}: {REMEDY}") from error
