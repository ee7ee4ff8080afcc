"""Where networks and the renderer compute."""

from __future__ import annotations

from maquette.core.errors import BadInput


def usable_device(device: str) -> str:
    """The device that "auto" means, or the one asked for.

    Raises:
        BadInput: it is not there.
    """
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[device]:
        raise BadInput(f"device {device}: this machine has none; use --device cpu")
    return device
