"""Pickles of numpy arrays, read by a list of what they may hold; nothing in a file is imported or run.

FLAME's model is a pickle of Python 2 with arrays, a sparse matrix of scipy and arrays inside chumpy's objects; its
landmarks are a pickle inside a .npy file, with tensors inside which there is another pickle. Every name that such a
file may speak of stands for an inert object of ours, so neither scipy's, chumpy's nor torch's own code makes anything
of it; any other name is refused. Tensors are left to torch's own restricted reader.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.weights.convert.legacy import Refused

MOST_BYTES = 1 << 30
MOST_OPERATIONS = 1_000_000
MOST_AXES = 5
DEEPEST = 6  # containers inside each other
UNUSED = {
    *("INST", "OBJ", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEWOBJ_EX", "NEXT_BUFFER", "READONLY_BUFFER"),
}  # operations of pickles that no such file needs
RENAMED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
    "scipy.sparse._csc": "scipy.sparse.csc",
    "chumpy": "chumpy.ch",
}  # where newer and older versions keep the same thing
DAMAGED = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, RecursionError, MemoryError, UnicodeError, RuntimeError),
)


class InertObject:
    """Stands for an object of the file: it keeps its state and does nothing."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class InertArray(InertObject):
    """An array of numpy."""


class InertSparse(InertObject):
    """A matrix of scipy by columns."""


class InertChumpy(InertObject):
    """An array inside an object of chumpy."""


class InertKind(InertObject):
    """A dtype of numpy, by its code."""

    def __init__(self, code: str) -> None:
        self.code = code


class _Call:
    """A function that the file may call: ours, and nothing can be changed in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise Refused("gives attributes to a function")


class _ListedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get(f"{RENAMED.get(module, module)} {name}")
        if found is None:
            raise Refused(f"names {f'{module}.{name}'[:60]!r}, which no such file holds")
        return found


def load(source: Path) -> Any:
    """What a pickle holds: numbers, text, containers, arrays; sparse matrices become full, chumpy's objects arrays.

    Raises:
        BadInput: no such file, a damaged one, or anything else in it.
    """
    return _guarded(source, lambda content: _unpickled(content))


def load_array_file(source: Path) -> Any:
    """What a .npy file of one object holds, read like `load`.

    Raises:
        BadInput: see `load`; also a .npy file of plain numbers.
    """

    def read(content: bytes) -> Any:
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = reader(stream)
        if shape != () or kind != np.dtype(object):
            raise Refused("holds plain numbers")
        found = _unpickled(content[stream.tell() :])
        if not isinstance(found, list) or len(found) != 1:
            raise Refused("holds more than one object")
        return found[0]

    return _guarded(source, read)


def _guarded(source: Path, read: Callable[[bytes], Any]) -> Any:
    if not source.is_file():
        raise BadInput(f"{source}: wanted a pickle of arrays, there is no such file")
    try:
        if source.stat().st_size > MOST_BYTES:
            raise Refused(f"is larger than {MOST_BYTES // 2**20} MB")
        return read(source.read_bytes())
    except Refused as error:
        raise BadInput(f"{source}: {error}: wanted a pickle of arrays, numbers and text alone") from error
    except OSError as error:
        raise BadInput(f"{source}: cannot be read ({error.strerror or error}): check the name") from error
    except DAMAGED as error:
        why = " ".join(str(error).split())[:100] or type(error).__name__
        raise BadInput(f"{source}: wanted a pickle of arrays, cannot be read ({why})") from error


def _unpickled(content: bytes) -> Any:
    for count, (operation, _, _) in enumerate(pickletools.genops(io.BytesIO(content))):
        if count > MOST_OPERATIONS:
            raise Refused(f"takes more than {MOST_OPERATIONS} operations")
        if operation.name in UNUSED:
            raise Refused(f"uses the pickle operation {operation.name}")
    return _plain(_ListedUnpickler(io.BytesIO(content), encoding="latin1").load(), DEEPEST)


def _plain(value: Any, depth: int) -> Any:
    """Numbers, text, containers and arrays of what was read."""
    if depth < 0:
        raise Refused("holds containers deep inside each other")
    if value is None or isinstance(value, bool | int | float | str | bytes | np.ndarray):
        return value
    if isinstance(value, InertArray):
        return _array(value, depth)
    if isinstance(value, InertSparse):
        return _full(value, depth)
    if isinstance(value, InertChumpy):
        inner = value.state.get("x") if isinstance(value.state, Mapping) else None
        if not isinstance(inner, InertArray):
            raise Refused("holds an array of chumpy that is computed from others")
        return _array(inner, depth)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str | int) for key in value):
            raise Refused("holds a dictionary of something else than names")
        return {key: _plain(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part, depth - 1) for part in value]
    raise Refused(f"holds {type(value).__name__.lstrip('_')} where there should be an array")


def _array(stored: InertArray, depth: int) -> Any:
    """An array of its stored state (version, shape, kind, by columns, bytes); of objects the list of these."""
    state = stored.state
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], InertKind):
        raise Refused("describes an array wrongly")
    _, shape, kind, by_columns, content = state
    if not isinstance(shape, tuple) or len(shape) > MOST_AXES or not all(_whole(n) for n in shape):
        raise Refused("describes the shape of an array wrongly")
    if kind.code in ("O8", "O4", "O"):
        if not isinstance(content, list) or len(content) != math.prod(shape):
            raise Refused("describes an array of objects wrongly")
        return [_plain(part, depth - 1) for part in content]
    numbers = content.encode("latin1") if isinstance(content, str) else content
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "="
    if kind.code not in _KINDS or order not in ("<", ">", "=", "|") or not isinstance(numbers, bytes | bytearray):
        raise Refused("holds an array of other things than numbers")
    made = np.dtype(kind.code) if order == "|" else np.dtype(kind.code).newbyteorder("<" if order == "=" else order)
    if math.prod(shape) * made.itemsize != len(numbers):
        raise Refused("holds an array that is larger or smaller than its numbers")
    found = np.frombuffer(numbers, made).reshape(shape, order="F" if by_columns else "C")
    return np.ascontiguousarray(found.astype(made.newbyteorder("=")))


def _full(stored: InertSparse, depth: int) -> NDArray:
    """A sparse matrix as a full one; entries at the same place are added."""
    state = _plain(stored.state, depth)
    try:
        shape = state.get("_shape", state.get("shape"))
        data, rows, ends = (np.asarray(state[name]).ravel() for name in ("data", "indices", "indptr"))
        height, width = (int(n) for n in shape)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("describes a sparse matrix wrongly") from error
    lengths = np.diff(ends)
    fits = len(ends) == width + 1 and ends[0] == 0 and (lengths >= 0).all() and ends[-1] == len(data) == len(rows)
    if not fits or not 0 < height * width < 1 << 26 or (len(rows) and not 0 <= rows.min() <= rows.max() < height):
        raise Refused("describes a sparse matrix wrongly")
    found = np.zeros((height, width))
    np.add.at(found, (rows, np.repeat(np.arange(width), lengths)), data)
    return found


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _new_kind(code: Any, *_: Any) -> InertKind:
    if not isinstance(code, str):
        raise Refused("names a kind of number wrongly")
    return InertKind(code)


def _from_bytes(content: Any, kind: Any, shape: Any, order: Any) -> InertArray:
    found = InertArray()
    found.state = (1, shape, kind, order == "F", bytes(content) if isinstance(content, bytes | bytearray) else content)
    return found


def _bytes(content: Any = b"") -> bytes:
    if not isinstance(content, bytes):
        raise Refused("makes bytes in an unknown way")
    return content


def _encoded(text: Any, *coding: Any) -> bytes:
    """Bytes as Python 3 writes them for Python 2."""
    if not isinstance(text, str) or coding not in ((), ("latin1",)):
        raise Refused("encodes text in an unknown way")
    return text.encode("latin1")


def _rebuilt(kind: Any, base: Any, state: Any) -> Any:
    """An object as the oldest pickles make it."""
    made = isinstance(kind, type) and issubclass(kind, InertObject) and kind is not InertKind
    if not made or base is not object or state is not None:
        raise Refused("makes an object in an unknown way")
    return kind()


def _storage(content: Any) -> Any:
    import torch

    if not isinstance(content, bytes):
        raise Refused("holds a tensor without numbers")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> NDArray:
    """A tensor of torch, as an array."""
    import torch

    if not isinstance(storage, torch.storage.TypedStorage) or not isinstance(shape, tuple):
        raise Refused("describes a tensor wrongly")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # this kind of storage is on its way out
        numbers = storage.untyped()
    held = numbers.nbytes() // storage.dtype.itemsize
    steps = strides if isinstance(strides, tuple) else ()
    fine = len(shape) == len(steps) <= MOST_AXES and all(map(_whole, (offset, *shape, *steps)))
    if not fine or offset + 1 + sum((n - 1) * step for n, step in zip(shape, steps)) > held:
        raise Refused("describes a tensor wrongly")
    if math.prod(shape) > held:
        raise Refused("holds a tensor that is wider than its numbers")
    whole = torch.empty(0, dtype=storage.dtype).set_(numbers, offset, shape, steps)
    return whole.clone().numpy()


_KINDS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8", "b1"}
_NAMES: dict[str, Any] = {
    "numpy ndarray": InertArray,
    "numpy dtype": _Call(_new_kind),
    "numpy.core.multiarray _reconstruct": _Call(lambda *_: InertArray()),
    "numpy.core.numeric _frombuffer": _Call(_from_bytes),
    "scipy.sparse.csc csc_matrix": InertSparse,
    "chumpy.ch Ch": InertChumpy,
    "builtins set": set,
    "builtins object": object,
    "builtins bytearray": _Call(_bytes),
    "collections OrderedDict": _Call(lambda *_: {}),
    "copyreg _reconstructor": _Call(_rebuilt),
    "_codecs encode": _Call(_encoded),
    "torch._utils _rebuild_tensor_v2": _Call(_tensor),
    "torch.storage _load_from_bytes": _Call(_storage),
}
