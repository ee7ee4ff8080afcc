"""Reads Torch7's binary files (.t7) into plain values; there is no Lua, no pickle, and nothing of the file is run.

A file is one value. A value begins with an int32 tag: 0 nil, 1 number (float64), 2 string (int32 length, bytes),
3 table (int32 index, int32 count, pairs of values), 4 object (int32 index, string "V k", string class, payload),
5 boolean (int32), 6-8 function (string of byte code, value of its upvalues). Tables and objects are written once;
afterwards only their index comes. All is little-endian, longs have 8 bytes. A file may be hostile: what it declares is
compared with the bytes it still has before anything is made, and tensors are views into the mapped file.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, FUNCTION, OLD_CLOSURE, CLOSURE = range(9)
DTYPES = {
    **{"Double": "<f8", "Float": "<f4", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2"},
    **{"Char": "<i1", "Byte": "<u1", "CudaDouble": "<f8", "Cuda": "<f4", "CudaHalf": "<f2", "CudaLong": "<i8"},
    **{"CudaInt": "<i4", "CudaShort": "<i2", "CudaChar": "<i1", "CudaByte": "<u1"},
}
DEEPEST = 150  # nested values; each container of a network takes three, and the released VRN needs about 60
MOST_VALUES = 1_000_000  # a file of VRN has about 50,000
MOST_AXES = 16
MOST_MODULES = 20_000
SMALLEST_PAIR = 8  # bytes of two tags
EPS = 1e-5  # of torch's batch normalisation, where the file has none


@dataclass(eq=False)
class LuaObject:
    """One object of a class: "nn.Sequential", version 2, with its fields."""

    kind: str
    version: int
    fields: dict[str | int | float, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Storage:
    numbers: NDArray[Any]


def read(path: Path) -> Any:
    """The value in a file.

    Returns:
        None, float, str, bool, dict (a table; keys that are not text or numbers are left out), `LuaObject`, or a numpy
        array: a tensor, as a read-only view into the file, or a storage, (N,). Functions become None, and so do tensors
        that show more elements than are stored (scratch space, never weights).

    Raises:
        BadInput: not such a file, truncated, or hostile.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: wanted a Torch7 file, it cannot be read: {error}") from error
    found = _Reader(path, data).value()
    return found.numbers if isinstance(found, _Storage) else found


def parameters(root: Any, path: Path) -> dict[str, NDArray[Any]]:
    """Weights by their place in a tree of modules, as PyTorch names them: "3.0.0.2.weight".

    Batch normalisations of before version 2 hold `running_std` = 1 / sqrt(var + eps), which becomes `running_var`.
    Weights of "MM" convolutions, (out, in * h * w), get their four axes.

    Args:
        root: what `read` gave.
        path: for messages.

    Raises:
        BadInput: the value is not a module, modules contain themselves, or weights claim more bytes than the file has.
    """
    if not isinstance(root, LuaObject) or not _is_module(root):
        kind = root.kind if isinstance(root, LuaObject) else type(root).__name__
        raise BadInput(f"{path}: wanted a network (nn.Sequential), the file holds one {kind}")
    tensors: dict[str, NDArray[Any]] = {}
    claimed, held = 0, path.stat().st_size
    for name, module in _modules(root, path):
        for key, value in _weights(module):
            tensors[f"{name}{key}"] = value
            claimed += value.nbytes
            if claimed > held:
                raise BadInput(f"{path}: its weights share storage and claim more than the file's {held} bytes")
    return tensors


def _is_module(value: LuaObject) -> bool:
    return value.kind.split(".")[0] in ("nn", "cudnn", "inn", "fbcunn")


def _modules(root: LuaObject, path: Path) -> Iterator[tuple[str, LuaObject]]:
    """(prefix, module) of every module, parents first."""
    waiting: list[tuple[str, LuaObject, tuple[int, ...]]] = [("", root, ())]
    count = 0
    while waiting:
        prefix, module, above = waiting.pop()
        if id(module) in above:
            raise BadInput(f"{path}: module {prefix.rstrip('.')} contains itself, wanted a tree of modules")
        yield prefix, module
        children = _items(module.fields.get("modules"))
        count += len(children)
        if count > MOST_MODULES:
            raise BadInput(f"{path}: wanted at most {MOST_MODULES} modules, the file has more or repeats them")
        for number, child in reversed([*enumerate(children)]):
            if isinstance(child, LuaObject):
                waiting.append((f"{prefix}{number}.", child, (*above, id(module))))


def _items(table: Any) -> list[Any]:
    """The values at 1, 2, ... of a table."""
    if not isinstance(table, dict):
        return []
    found: list[Any] = []
    while len(found) + 1 in table:
        found.append(table[len(found) + 1])
    return found


def _weights(module: LuaObject) -> Iterator[tuple[str, NDArray[Any]]]:
    fields = module.fields
    for name in ("weight", "bias", "running_mean", "running_var"):
        value = fields.get(name)
        if isinstance(value, np.ndarray):
            yield name, _four_axes(module, value) if name == "weight" else value
    deviation = fields.get("running_std")
    if isinstance(deviation, np.ndarray) and not isinstance(fields.get("running_var"), np.ndarray):
        eps = fields.get("eps")
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            variance = deviation.astype(np.float64) ** -2 - (eps if isinstance(eps, float) else EPS)
            variance = np.maximum(variance, 0).astype(np.float32)
        yield "running_var", variance


def _four_axes(module: LuaObject, weight: NDArray[Any]) -> NDArray[Any]:
    if "Convolution" not in module.kind or weight.ndim != 2:
        return weight
    named = (module.fields.get(name) for name in ("nOutputPlane", "nInputPlane", "kH", "kW"))
    whole = [int(number) for number in named if isinstance(number, float) and 0 < number < 1e6 and number.is_integer()]
    if len(whole) != 4:
        return weight
    fits = weight.shape == (whole[0], whole[1] * whole[2] * whole[3])
    return weight.reshape(whole) if fits else weight


class _Reader:
    """A place in a mapped file, and the objects met so far."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.at = path, data, 0
        self.met: dict[int, Any] = {}
        self.depth = self.count = 0

    def refused(self, why: str) -> BadInput:
        return BadInput(f"{self.path}: wanted a binary Torch7 file, at byte {self.at} {why}")

    def skipped(self, size: int, what: str) -> int:
        """Go on by some bytes, which must be there; returns where they begin."""
        left = len(self.data) - self.at
        if not 0 <= size <= left:
            cut = "negative" if size < 0 else f"truncated or damaged: {left} bytes are left"
            raise self.refused(f"{what} of {size} bytes is {cut}")
        self.at += size
        return self.at - size

    def integer(self) -> int:
        return struct.unpack_from("<i", self.data, self.skipped(4, "a number"))[0]

    def long(self) -> int:
        return struct.unpack_from("<q", self.data, self.skipped(8, "a number"))[0]

    def text(self) -> str:
        size = self.integer()
        start = self.skipped(size, "a text")
        return self.data[start : start + size].decode("utf-8", "backslashreplace")

    def value(self) -> Any:
        """The value that begins here."""
        self.count += 1
        if self.count > MOST_VALUES:
            raise self.refused(f"are more than {MOST_VALUES} values")
        tag = self.integer()
        if tag == NIL:
            return None
        if tag == NUMBER:
            return struct.unpack_from("<d", self.data, self.skipped(8, "a number"))[0]
        if tag == STRING:
            return self.text()
        if tag == BOOLEAN:
            return self.integer() != 0
        if tag not in (TABLE, OBJECT, FUNCTION, OLD_CLOSURE, CLOSURE):
            raise self.refused(f"is no tag of a value: {tag}")
        if self.depth >= DEEPEST:
            raise self.refused(f"values are nested more than {DEEPEST} deep")
        self.depth += 1
        found = None
        if tag == FUNCTION:
            self.skip_function()
        else:
            found = self.remembered(tag)
        self.depth -= 1
        return found

    def remembered(self, tag: int) -> Any:
        """A table, object or closure: from its index alone if it came before."""
        index = self.integer()
        if index in self.met:
            return self.met[index]
        if tag == TABLE:
            self.met[index] = {}
            self.table(self.met[index])
        elif tag == OBJECT:
            self.lua_object(index)
        else:
            self.met[index] = None
            self.skip_function()
        return self.met[index]

    def skip_function(self) -> None:
        """Byte code and what it captured: passed over."""
        self.skipped(self.integer(), "a function")
        self.value()

    def table(self, into: dict[Any, Any]) -> None:
        count = self.integer()
        left = len(self.data) - self.at
        if not 0 <= count <= left // SMALLEST_PAIR:
            raise self.refused(f"a table of {count} entries is truncated or damaged: {left} bytes are left")
        for _ in range(count):
            key, value = self.value(), self.value()
            if isinstance(key, str | float):
                into[key] = value

    def lua_object(self, index: int) -> None:
        """An object; `met` knows it before its fields are read, since these may refer to it."""
        version, kind = self.text(), ""
        if version.startswith("V ") and version[2:].isascii() and version[2:].isdigit() and len(version) < 8:
            kind, number = self.text(), int(version[2:])
        else:
            kind, number = version, 0
        family, _, name = kind.partition(".")
        if family == "torch" and name.endswith("Storage") and name[:-7] in DTYPES:
            self.met[index] = self.storage(np.dtype(DTYPES[name[:-7]]))
        elif family == "torch" and name.endswith("Tensor") and name[:-6] in DTYPES:
            self.met[index] = None
            self.met[index] = self.tensor(np.dtype(DTYPES[name[:-6]]))
        elif family in ("torch", "tds") or not name or not kind.isprintable():
            raise self.refused(f"comes an object of the unknown class {kind[:60]!r}")
        else:
            made = self.met[index] = LuaObject(kind, number)
            payload = self.value()
            if not isinstance(payload, dict):
                raise self.refused(f"wanted the fields of a {kind[:60]}, got {type(payload).__name__}")
            made.fields = payload

    def storage(self, dtype: np.dtype[Any]) -> _Storage:
        count = self.long()
        start = self.skipped(count * dtype.itemsize, "a storage")
        return _Storage(np.frombuffer(self.data, dtype, count, start) if count else np.zeros(0, dtype))

    def tensor(self, dtype: np.dtype[Any]) -> NDArray[Any] | None:
        axes = self.integer()
        if not 0 <= axes <= MOST_AXES:
            raise self.refused(f"ends a tensor's number of axes: {axes}, wanted at most {MOST_AXES}")
        sizes = [self.long() for _ in range(axes)]
        strides = [self.long() for _ in range(axes)]
        offset = self.long() - 1
        storage = self.value()
        if storage is None and (not axes or 0 in sizes):
            return np.zeros(0, dtype)
        if not isinstance(storage, _Storage) or storage.numbers.dtype != dtype:
            raise self.refused(f"wanted the storage of a {dtype.name} tensor {sizes}, there is something else")
        if min(sizes + strides, default=0) < 0:
            raise self.refused(f"a tensor has negative sizes or strides: {sizes}, {strides}")
        if not axes or 0 in sizes:
            return np.zeros(0, dtype)
        stored, elements, last = len(storage.numbers), 1, offset
        for size, stride in zip(sizes, strides):
            elements, last = elements * size, last + (size - 1) * stride
        if not 0 <= offset <= last < stored:
            raise self.refused(f"a tensor {sizes} reaches element {last} of a storage of {stored}")
        if elements > stored:
            return None
        # A single element is never stepped from, and its stride may be any number.
        steps = [stride * dtype.itemsize if size > 1 else 0 for size, stride in zip(sizes, strides)]
        return np.lib.stride_tricks.as_strided(storage.numbers[offset:], sizes, steps, writeable=False)
