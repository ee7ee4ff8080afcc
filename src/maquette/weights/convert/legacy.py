"""PyTorch's file format before 1.6, read without pickle: five pickles, then raw storages.

The pickles are walked with `pickletools`, which only takes them apart, on a small stack machine of our own. A name in
the file is never imported: it is looked up in a list of what a network may hold, and stands for itself. So a hostile
file can at most be refused. What would make memory or time explode is bounded: the size of the file, the number of
operations, keys of dictionaries (text only), and the storages, which must fill the rest of the file exactly.

Layout (torch/serialization.py, `_legacy_save`): magic number, protocol 1001, facts about the machine, the object, the
list of its storages' keys; then for each key an int64 count and its float32 numbers, little-endian.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MOST_BYTES = 64 * 2**20
MOST_OPERATIONS = 1_000_000
MOST_AXES = 5
CONTAINER, HOOKS = "collections OrderedDict", "torch.nn.backends.thnn _get_thnn_function_backend"
TENSOR, PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
FLOATS = "torch FloatStorage"


@dataclass(frozen=True)
class PickledName:
    """A class or function that the file speaks of; it is only text."""

    text: str


@dataclass
class PickledObject:
    """An object of the file: the name of its class, and its attributes."""

    kind: str
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """Numbers further down in the file."""

    key: str
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor: a contiguous part of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]


class Refused(Exception):
    """Why the file is not what it should be; `read` makes one line of it."""


def read(path: Path, classes: frozenset[str]) -> tuple[PickledObject, Callable[[StoredTensor], NDArray[Any]]]:
    """The object in a file, and a function that gives a tensor of it.

    Args:
        classes: "module name" of every class that the object may hold.

    Raises:
        BadInput: no such file, another format, or anything in it that is not on the list.
    """
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
    try:
        if len(content) > MOST_BYTES:
            raise Refused(f"is larger than {MOST_BYTES // 2**20} MB")
        if content[:2] == b"PK":
            raise Refused("is a newer (zip) file")
        return _parsed(content, classes)
    except Refused as error:
        raise BadInput(f"{path}: {error}: wanted a whole-module checkpoint of PyTorch before 1.6") from error


def _parsed(content: bytes, classes: frozenset[str]) -> tuple[PickledObject, Callable[[StoredTensor], NDArray[Any]]]:
    stream = io.BytesIO(content)
    values = [_Machine(classes).run(stream) for _ in range(5)]
    magic, protocol, machine, network, keys = values
    if magic != MAGIC or protocol != PROTOCOL:
        raise Refused("does not begin with PyTorch's magic number and protocol")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Refused("was not written by a little-endian machine")
    if not isinstance(network, PickledObject):
        raise Refused("holds no network")
    if not isinstance(keys, list) or not all(isinstance(k, str) for k in keys) or len(set(keys)) != len(keys):
        raise Refused("lists its storages wrongly")
    storages: dict[str, NDArray[Any]] = {}
    place = stream.tell()
    for key in keys:
        count = int.from_bytes(content[place : place + 8], "little", signed=True)
        place += 8
        if count < 0 or place + 4 * count > len(content):
            raise Refused(f"is truncated: storage of {count} numbers at byte {place}")
        storages[key] = np.frombuffer(content, "<f4", count, place)
        place += 4 * count
    if place != len(content):
        raise Refused(f"has {len(content) - place} bytes after its last storage")

    def tensor(view: StoredTensor) -> NDArray[Any]:
        numbers = storages.get(view.storage.key)
        if numbers is None or len(numbers) != view.storage.count:
            raise BadInput(f"checkpoint: storage {view.storage.key[:20]!r} is missing or of another size")
        return numbers[view.offset : view.offset + math.prod(view.shape)].reshape(view.shape).copy()

    return network, tensor


class _Machine:
    """Runs one pickle; every operation that is not a method here is refused."""

    def __init__(self, classes: frozenset[str]) -> None:
        self.classes = classes
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        """The object of the pickle at the stream's place, which moves behind it."""
        try:
            for number, (operation, argument) in enumerate(_operations(stream)):
                if number > MOST_OPERATIONS:
                    raise Refused(f"takes more than {MOST_OPERATIONS} operations")
                work = getattr(self, "_" + operation.lower(), None)
                if work is None:
                    raise Refused(f"uses the pickle operation {operation}")
                work(argument)
            if len(self.stack) != 1 or self.marks:
                raise Refused("leaves its pickle unfinished")
            return self.stack.pop()
        except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())[:80]
            raise Refused(f"is truncated or not made by PyTorch ({reason})") from error

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    _binint = _binint1 = _binint2 = _long1 = _binfloat = _binunicode = _push

    def _proto(self, argument: int) -> None:
        if argument != 2:
            raise Refused(f"is of pickle protocol {argument}")

    def _stop(self, _: None) -> None:
        """Nothing: the walk ends by itself."""

    def _none(self, _: None) -> None:
        self._push(None)

    def _newtrue(self, _: None) -> None:
        self._push(True)

    def _newfalse(self, _: None) -> None:
        self._push(False)

    def _empty_dict(self, _: None) -> None:
        self._push({})

    def _empty_list(self, _: None) -> None:
        self._push([])

    def _empty_tuple(self, _: None) -> None:
        self._push(())

    def _mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def _marked(self) -> list[Any]:
        begin = self.marks.pop()
        if begin > len(self.stack):
            raise Refused("takes more from its stack than it holds")
        values, self.stack[begin:] = self.stack[begin:], []
        return values

    def _tuple(self, _: None) -> None:
        self._push(tuple(self._marked()))

    def _last(self, count: int) -> None:
        if len(self.stack) < count:
            raise Refused("takes more from its stack than it holds")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _tuple1(self, _: None) -> None:
        self._last(1)

    def _tuple2(self, _: None) -> None:
        self._last(2)

    def _tuple3(self, _: None) -> None:
        self._last(3)

    def _binput(self, argument: int) -> None:
        self.memo[argument] = self.stack[-1]

    _long_binput = _binput

    def _binget(self, argument: int) -> None:
        self._push(self.memo[argument])

    _long_binget = _binget

    def _appends(self, _: None) -> None:
        values = self._marked()
        if not isinstance(self.stack[-1], list):
            raise Refused("appends to what is no list")
        self.stack[-1].extend(values)

    def _setitems(self, _: None) -> None:
        values = self._marked()
        # Text alone: the hash of tuples that hold each other twice takes forever.
        if not isinstance(self.stack[-1], dict) or not all(isinstance(key, str) for key in values[::2]):
            raise Refused("fills a dictionary with something else than names")
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _setitem(self, _: None) -> None:
        self.marks.append(len(self.stack) - 2)
        self._setitems(None)

    def _global(self, argument: str) -> None:
        if argument not in self.classes | {CONTAINER, HOOKS, TENSOR, PARAMETER, FLOATS}:
            raise Refused(f"names {argument[:60].replace(' ', '.', 1)!r}, which no such network holds")
        self._push(PickledName(argument))

    def _newobj(self, _: None) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if arguments != () or not isinstance(name, PickledName) or name.text not in self.classes:
            raise Refused("makes an object in an unknown way")
        self._push(PickledObject(name.text))

    def _build(self, _: None) -> None:
        state = self.stack.pop()
        if not isinstance(state, dict) or not isinstance(self.stack[-1], PickledObject):
            raise Refused("gives attributes to what has none")
        self.stack[-1].state.update(state)

    def _binpersid(self, _: None) -> None:
        described = self.stack.pop()
        if (
            isinstance(described, tuple)
            and len(described) == 4
            and described[0] == "module"
            and isinstance(described[1], PickledName)
        ):
            self._push(described[1])  # with its source code, which is left alone
            return
        if (
            not isinstance(described, tuple)
            or len(described) != 6
            or described[0] != "storage"
            or described[1] != PickledName(FLOATS)
        ):
            raise Refused("keeps numbers in another way than float32 storages")
        key, count = described[2], described[4]
        if not isinstance(key, str) or not _whole(count) or described[5] is not None:
            raise Refused("describes a storage wrongly")
        self._push(Storage(key, count))

    def _reduce(self, _: None) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, PickledName) or not isinstance(arguments, tuple):
            raise Refused("calls what is no function")
        if name.text == CONTAINER and not arguments:
            self._push({})
        elif name.text == HOOKS and not arguments:
            self._push(None)
        elif name.text == PARAMETER and arguments and isinstance(arguments[0], StoredTensor):
            self._push(arguments[0])
        elif name.text == TENSOR and len(arguments) >= 4:
            self._push(_view(*arguments[:4]))
        else:
            raise Refused(f"calls {name.text.replace(' ', '.', 1)} in an unknown way")


def _operations(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    for operation, argument, _ in pickletools.genops(stream):
        yield operation.name, argument


def _view(storage: Any, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    fine = isinstance(storage, Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)
    if not fine or not all(map(_whole, (offset, *shape, *strides))) or not 1 <= len(shape) <= MOST_AXES:
        raise Refused("describes a tensor wrongly")
    steps, step = [], 1
    for length in reversed(shape):
        steps.append(step)
        step *= length
    if strides != tuple(reversed(steps)):
        raise Refused("holds a tensor that is not contiguous")
    if offset + math.prod(shape) > storage.count:
        raise Refused("holds a tensor that reaches beyond its storage")
    return StoredTensor(storage, offset, shape)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40
