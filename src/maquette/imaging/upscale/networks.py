"""Networks that enlarge, from their files: safetensors whose "facts" say how to build them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.errors import BadInput
from maquette.weights.store import fetch

if TYPE_CHECKING:
    from maquette.imaging.upscale.espcn import ESPCN
    from maquette.imaging.upscale.srcnn import SRCNN

NETWORKS = ("espcn", "srcnn")
FACTORS = (2, 4)


def build(facts: Mapping[str, str]) -> ESPCN | SRCNN:
    """The network that these facts describe, its weights still drawn.

    Args:
        facts: "network" (espcn or srcnn), "factor", "layout", "residual" (yes or no); others are ignored.

    Raises:
        BadInput: facts are missing, or of no network that is known here.
    """
    from maquette.imaging.upscale import espcn, srcnn

    makers: dict[str, Callable[[int, str, bool], ESPCN | SRCNN]] = {"espcn": espcn.ESPCN, "srcnn": srcnn.SRCNN}
    layouts = {"espcn": tuple(espcn.LAYOUTS), "srcnn": tuple(srcnn.KERNELS)}
    kind, layout = str(facts.get("network")), str(facts.get("layout"))
    factor, residual = str(facts.get("factor")), str(facts.get("residual"))
    if kind not in makers or layout not in layouts[kind]:
        raise BadInput(
            f"network {kind!r} of layout {layout!r}: wanted one of {', '.join(makers)} as maquette writes it"
        )
    if factor not in map(str, FACTORS) or residual not in ("yes", "no"):
        raise BadInput(f"network {kind}: factor {factor!r}, residual {residual!r}: wanted 2 or 4, yes or no")
    return makers[kind](int(factor), layout, residual == "yes")


@lru_cache(maxsize=8)
def load(file: Path, device: str = "cpu") -> ESPCN | SRCNN:
    """The network in a file, in float32, for inference on a device.

    Raises:
        BadInput: no such file, not safetensors, or tensors that are not those of its network.
    """
    import torch

    from maquette.weights.tensors import opened

    with opened(file, "an enlarger's weights", "take a file that maquette wrote") as stored:
        facts = json.loads((stored.metadata() or {}).get("facts", "{}"))
        names = stored.keys()
        tensors = {name: stored.get_tensor(name).float() for name in names}
    if not isinstance(facts, dict):
        raise BadInput(f"{file}: holds no facts: wanted safetensors made by maquette")
    # No numbers are drawn for weights that are replaced anyway: the caller's generator stays as it is.
    with torch.device("meta"):
        network = build(facts)
    wanted = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if wanted != found:
        wrong = sorted(set(wanted.items()) ^ set(found.items()))[0]
        raise BadInput(f"{file}: tensor {wrong[0]} {wrong[1]} does not fit {facts['network']}: convert it again")
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise BadInput(f"{file}: holds numbers that are not finite: train or convert it again")
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(False).eval().to(device)


def shipped(name: str, factor: int, device: str = "cpu") -> ESPCN | SRCNN:
    """The network of this name and factor that lies in the package.

    Raises:
        WeightsMissing: its file is not there, or not the one that the zoo describes.
    """
    return load(fetch(f"{name}-x{factor}"), device)
