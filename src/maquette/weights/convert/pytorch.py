"""PyTorch's files through its restricted reader, and safetensors that are there whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.core.errors import BadInput
from maquette.core.files import whole_file

Shapes = dict[str, tuple[int, ...]]
SHOWN = 3  # keys that a message lists
COUNTER, STATISTICS = "num_batches_tracked", ".running_"
WRAPPED = "module."  # before every key of a network that was trained on several devices


CHECKPOINT = "a PyTorch checkpoint of tensors and plain values"


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        path: the safetensors file.
        parameters: how many numbers are learned, without the statistics of normalisation.
        size: of the network, by name, as its own size type has it.
        crop: how its pictures were cut, where the network cares.
        ignored: tensors of the source that the network does not need (counters of batches).
    """

    path: Path
    parameters: int
    size: Mapping[str, Any] = field(default_factory=dict)
    crop: str = ""
    ignored: int = 0


def load(source: Path, classes: tuple[type, ...] = (), wanted: str = CHECKPOINT) -> Any:
    """What a file of torch.save holds, zipped or as before 1.6; nothing in it is run.

    Args:
        classes: plain classes that the file may hold beside tensors, containers, numbers and text.
        wanted: what it should be, for the message.

    Raises:
        BadInput: no such file, another format, or anything else in it.
    """
    import torch

    if not source.is_file():
        raise BadInput(f"{source}: wanted a PyTorch checkpoint, there is no such file")
    held = source.stat().st_size
    try:
        zipped = zipfile.is_zipfile(source)
        if zipped:
            with zipfile.ZipFile(source) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > held:
                raise BadInput(f"{source}: {held} bytes claim to unpack to {unpacked}; torch's own files do not")
        with torch.serialization.safe_globals(list(classes)):
            return torch.load(source, map_location="cpu", weights_only=True, mmap=zipped)
    except BadInput:
        raise
    except Exception as error:  # damaged and hostile pickles end in a dozen kinds of errors
        raise BadInput(f"{source}: wanted {wanted}: {reason_of(error)}") from error


def item(found: Any, key: str, source: Path, kind: str) -> Any:
    """What a checkpoint has under a name.

    Args:
        kind: of the checkpoint, for the message ("HRN").

    Raises:
        BadInput: it is not there.
    """
    if not isinstance(found, Mapping) or key not in found:
        keys = few([str(other) for other in found]) if isinstance(found, Mapping) else type(found).__name__
        raise BadInput(f"{source}: wanted a checkpoint of {kind} with {key}, got {keys or 'nothing'}")
    return found[key]


def network_of(state: Any, name: str, expected: Shapes, source: Path, kind: str) -> tuple[dict[str, Any], int]:
    """Tensors of one network by "name.key", and how many counters were left out.

    Args:
        expected: every key without counters, and its shape.

    Raises:
        BadInput: other keys or shapes, numbers that are no weights.
    """
    import torch

    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(f"{source}: {name}: wanted named tensors, got others")
    expect_usual(state, source)
    plain = {str(key).removeprefix(WRAPPED): value.detach() for key, value in state.items()}
    tensors = {key: value for key, value in plain.items() if not key.endswith(COUNTER)}
    compare(tensors, expected, source, f"{name} of {kind}")
    check_numbers(tensors, source)
    if any(key.endswith("running_var") and (value < 0).any() for key, value in tensors.items()):
        raise BadInput(f"{source}: damaged: {name} has negative variances")
    return {f"{name}.{key}": tensors[key] for key in expected}, len(state) - len(tensors)


def expect_usual(tensors: Mapping[Any, Any], source: Path) -> None:
    """Refuse tensors of numbers that nobody computes with: float8, quantised, complex.

    Raises:
        BadInput: the first such tensor.
    """
    import torch

    usual = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool)
    whole = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
    for key, value in tensors.items():
        if isinstance(value, torch.Tensor) and value.dtype not in (*usual, *whole):
            kind = str(value.dtype).removeprefix("torch.")
            raise BadInput(f"{source}: wanted weights in float32 or float16, got {str(key)[:60]} of {kind}")


def reason_of(error: Exception) -> str:
    """The first line of a long message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120] if lines else 'no reason given'}"


def few(keys: Sequence[str]) -> str:
    """The first of many keys, for messages."""
    more = ["..."] if len(keys) > SHOWN else []
    return ", ".join([*(key[:60] for key in keys[:SHOWN]), *more])


def compare(tensors: Mapping[str, Any], expected: Shapes, source: Path, network: str) -> None:
    """Check names and shapes.

    Raises:
        BadInput: some are missing, unexpected or of another shape: how many, and the first ones.
    """
    missing = [key for key in expected if key not in tensors]
    unexpected = [str(key) for key in tensors if key not in expected]
    wrong = [
        f"{key} {tuple(tensors[key].shape)} for {shape}"
        for key, shape in expected.items()
        if key in tensors and tuple(tensors[key].shape) != shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", wrong))
    counts = [f"{len(keys)} {what} ({few(keys)})" for what, keys in faults if keys]
    if counts:
        raise BadInput(
            f"{source}: not a {network}: wanted {len(expected)} tensors, got {len(tensors)}: {'; '.join(counts)}"
        )


def check_numbers(tensors: Mapping[str, Any], source: Path) -> None:
    """Check that all numbers are finite and that no tensor is wider than what is stored, before anything is written.

    Raises:
        BadInput: they are not.
    """
    stored = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in tensors.values()}
    claimed = sum(value.numel() * value.element_size() for value in tensors.values())
    if claimed > sum(stored.values()):
        raise BadInput(f"{source}: its tensors share storage and claim {claimed} bytes of {sum(stored.values())}")
    damaged = [key for key, value in tensors.items() if not value.is_floating_point() or not value.isfinite().all()]
    if damaged:
        raise BadInput(f"{source}: damaged: {len(damaged)} tensors hold NaN, infinity or no fractions ({few(damaged)})")


def save_arrays(arrays: Mapping[str, Any], facts: Mapping[str, str], target: Path) -> None:
    """As `save`, of numpy arrays."""
    import torch

    save({key: torch.from_numpy(value) for key, value in arrays.items()}, facts, target)


def save(tensors: Mapping[str, Any], facts: Mapping[str, str], target: Path) -> None:
    """Write torch tensors as safetensors with metadata, by rename.

    Raises:
        BadInput: it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as part:
            save_file(dict(tensors), part, dict(facts))
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)[:100]
        raise BadInput(f"{target}: cannot be written: {reason}") from error
