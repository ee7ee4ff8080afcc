"""Writes Torch7 files for the tests of their reader."""

from __future__ import annotations

import struct

import numpy as np

from maquette.weights.convert.torch7 import LuaObject


class Function:
    """Stands for byte code with one captured value; `shared` ones have an index, as Torch 7 writes them today."""

    def __init__(self, shared: bool) -> None:
        self.shared = shared


class View:
    """A tensor as the file has it: a storage and how it is walked."""

    def __init__(self, storage: np.ndarray, sizes, strides, offset=0) -> None:
        self.storage, self.sizes, self.strides, self.offset = storage, sizes, strides, offset


NAMES = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "i4": "Int", "i2": "Short"}
NAMES |= {"i1": "Char", "u1": "Byte"}


class Writer:
    """Writes Python values as Torch7 does; what appears twice is written once."""

    def __init__(self) -> None:
        self.data, self.met, self.alive = bytearray(), {}, []

    def integer(self, *numbers: int) -> None:
        self.data += struct.pack(f"<{len(numbers)}i", *numbers)

    def long(self, *numbers: int) -> None:
        self.data += struct.pack(f"<{len(numbers)}q", *numbers)

    def text(self, text: str) -> None:
        self.integer(len(text))
        self.data += text.encode()

    def begun(self, tag: int, value: object) -> bool:
        """Write tag and index; whether the value itself must follow."""
        new = id(value) not in self.met
        index = self.met.setdefault(id(value), len(self.met) + 1)
        self.alive.append(value)  # an id is only unique among the living
        self.integer(tag, index)
        return new

    def named(self, kind: str, version: int = 1) -> None:
        if version:
            self.text(f"V {version}")
        self.text(kind)

    def value(self, value: object) -> Writer:
        if value is None:
            self.integer(0)
        elif isinstance(value, bool):
            self.integer(5, value)
        elif isinstance(value, int | float):
            self.integer(1)
            self.data += struct.pack("<d", value)
        elif isinstance(value, str):
            self.integer(2)
            self.text(value)
        else:
            self.container(value)
        return self

    def container(self, value: object) -> None:
        """What holds other values; written once, afterwards only its index."""
        if isinstance(value, list | dict) and self.begun(3, value):
            pairs = list(enumerate(value, 1) if isinstance(value, list) else value.items())
            self.integer(len(pairs))
            for pair in pairs:
                self.value(pair[0]).value(pair[1])
        elif isinstance(value, LuaObject) and self.begun(4, value):
            self.named(value.kind, value.version)
            self.value(value.fields)
        elif isinstance(value, Function):
            if (value.shared and self.begun(8, value)) or (not value.shared and self.integer(6) is None):
                self.text("\x1bLJ")
                self.value([value] if value.shared else [1.0])
        elif isinstance(value, np.ndarray):
            if value.ndim:
                value = np.ascontiguousarray(value)
            strides = [step // value.itemsize for step in value.strides]
            self.value(View(value.reshape(-1), value.shape, strides))
        elif isinstance(value, View) and self.begun(4, value):
            self.view(value)

    def view(self, value: View) -> None:
        name = NAMES[value.storage.dtype.str[1:]]
        self.named(f"torch.{name}Tensor")
        self.integer(len(value.sizes))
        self.long(*value.sizes, *value.strides, value.offset + 1)
        if self.begun(4, value.storage):
            self.named(f"torch.{name}Storage")
            self.long(len(value.storage))
            self.data += value.storage.tobytes()


def module(kind: str, *children: LuaObject, version: int = 1, **fields) -> LuaObject:
    return LuaObject(kind, version, {**fields, **({"modules": [*children]} if children else {}), "train": True})
