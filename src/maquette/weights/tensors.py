"""Files of tensors (safetensors), opened; what cannot be is refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError, safe_open

from maquette.core.errors import BadInput

if TYPE_CHECKING:
    from torch import nn

MOST_HEAD, MOST_TENSORS = 16 << 20, 20_000  # bytes of a file's index, and tensors in it: the largest known has 2,000
Network = TypeVar("Network", bound="nn.Module")

KINDS = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I32",
    "I16",
    "I8",
    "U64",
    "U32",
    "U16",
    "U8",
    "BOOL",
)  # as safetensors says


@contextmanager
def opened(path: Path, what: str, remedy: str, framework: str = "pt") -> Iterator[Any]:
    """A safetensors file, as `safe_open` gives it. What it holds is best used inside, where its faults are named.

    Args:
        what: it should hold, for messages.
        remedy: what to do where there is no such file, for messages.
        framework: "pt" or "numpy".

    Raises:
        BadInput: no such file, another format, numbers of a kind that nobody computes with (float8, say); also where
            that shows only while it is read.
    """
    if not path.is_file():
        raise BadInput(f"{path}: wanted a file of {what}, there is none: {remedy}")
    try:
        _refuse_crowded(path, what, remedy)
        with safe_open(path, framework=framework) as file:
            kinds = {key: file.get_slice(key).get_dtype() for key in list(file.keys())}
            odd = [f"{key[:60]} of {kind}" for key, kind in kinds.items() if kind not in KINDS]
            if odd:
                raise BadInput(f"{path}: wanted {what} in float32 or float16, got {odd[0]}: {remedy}")
            yield file
    except BadInput:
        raise
    # Deep or odd JSON in the metadata, tensors that are missing or of another shape: whatever a file makes of it.
    except (SafetensorError, OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        why = " ".join(f"{error}".split())[:100] or type(error).__name__
        raise BadInput(f"{path}: wanted safetensors of {what}, cannot be read ({why}): {remedy}") from error


def _refuse_crowded(path: Path, what: str, remedy: str) -> None:
    """Raise BadInput for a file whose index alone would take half a minute and a gigabyte to read."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > path.stat().st_size:
            return  # no such file at all, as its reader will say
        tensors = 0 if size > MOST_HEAD else file.read(size).count(b'"dtype"')
    if size > MOST_HEAD or tensors > MOST_TENSORS:
        count = f"{tensors} tensors" if tensors else f"an index of {size} bytes"
        raise BadInput(f"{path}: wanted safetensors of {what}, got {count}: {remedy}")


def filled(build: Callable[[], Network], file: Any) -> Network:
    """A network with the tensors of an `opened` file, each as the kind of number that the network has; to be used.

    No numbers are drawn for weights that are replaced anyway: the caller's random generator stays as it is.

    Args:
        build: makes the network.
    """
    import torch

    tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    with torch.device("meta"):
        network = build()
    kinds = {name: value.dtype for name, value in network.state_dict().items()}
    network.load_state_dict({name: value.to(kinds[name]) for name, value in tensors.items()}, assign=True)
    return network.requires_grad_(False).eval()
