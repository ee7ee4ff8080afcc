"""A network's file, opened; what cannot be is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from maquette.core.errors import BadInput


@contextmanager
def opened(path: Path, network: str, remedy: str) -> Iterator[Any]:
    """A safetensors file, as `safe_open` gives it.

    Args:
        network: its name, for messages.
        remedy: what to do where there is no such file, for messages.

    Raises:
        BadInput: no such file, or another format, also where that shows only while it is read.
    """
    if not path.is_file():
        raise BadInput(f"{path}: wanted a file of {network} weights, there is none: {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"{path}: wanted safetensors, cannot be read ({str(error)[:100]}): {remedy}") from error
