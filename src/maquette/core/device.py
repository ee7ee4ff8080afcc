"""Where networks and the renderer compute."""

from __future__ import annotations

from maquette.core.errors import BadInput


def usable_device(device: str) -> str:
    """The device that "auto" means (cuda where there is one, else cpu), or the one asked for.

    Raises:
        BadInput: it is not there.

    Example:
        >>> usable_device("cpu")
        'cpu'
    """
    if device == "cpu":
        return device
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there.get(device):
        raise BadInput(f"device {device}: this machine has none: take --device cpu")
    return device
