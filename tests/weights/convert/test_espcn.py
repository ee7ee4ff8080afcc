"""The published ESPCN format: written here by hand, read back; anything else is refused and nothing is executed."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections import OrderedDict
from typing import ClassVar

import numpy as np
import pytest
from safetensors import safe_open

from maquette.core.errors import BadInput
from maquette.weights.convert import legacy
from maquette.weights.convert.espcn import convert, read

SHAPES = [(64, 1, 5, 5), (64, 64, 3, 3), (32, 64, 3, 3)]


def stand_in(text):
    """A class that pickle writes as `module name`."""
    module, name = text.split()
    return type(name, (), {"__module__": module})


class Pickler(pickle._Pickler):
    """Writes our stand-ins by name without importing them, and storages and classes as PyTorch did."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_type(self, kind):
        self.write(pickle.GLOBAL + f"{kind.__module__}\n{kind.__name__}\n".encode())
        self.memoize(kind)

    dispatch[type] = save_type

    def persistent_id(self, thing):
        return thing.state if isinstance(thing, Kept) else None


class Kept:
    def __init__(self, *state):
        self.state = state


class Call:
    def __init__(self, text, *arguments):
        self.text, self.arguments = text, arguments

    def __reduce__(self):
        return stand_in(self.text), self.arguments


class Made:
    """An object of a named class: NEWOBJ and BUILD."""

    def __init__(self, text, state):
        self.text, self.state = text, state


def save_made(pickler, made):
    kind = stand_in(made.text)
    pickler.save(Kept("module", kind, "file.py", "print('never run')"))
    pickler.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
    pickler.memoize(made)
    pickler.save(made.state)
    pickler.write(pickle.BUILD)


def save_call(pickler, call):
    pickler.save(stand_in(call.text))
    pickler.save(call.arguments)
    pickler.write(pickle.REDUCE)
    pickler.memoize(call)


def save_container(pickler, container):
    pickler.write(pickle.GLOBAL + b"collections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE)
    pickler.memoize(container)
    pickler._batch_setitems(container.items())


Pickler.dispatch |= {Made: save_made, Call: save_call, OrderedDict: save_container}


def dumped(value):
    stream = io.BytesIO()
    Pickler(stream, 2).dump(value)
    return stream.getvalue()


def floats(key, count):
    return Kept("storage", stand_in("torch FloatStorage"), key, "cuda:0", count, None)


def parameter(key, shape, count=None, offset=0, strides=None):
    whole = np.empty(shape, np.float32)
    strides = tuple(s // 4 for s in whole.strides) if strides is None else strides
    tensor = Call(legacy.TENSOR, floats(key, count or whole.size), offset, shape, strides, False, OrderedDict())
    return Call(legacy.PARAMETER, tensor, True, OrderedDict())


def checkpoint(factor=4, arrays=None, root=None, change=None, keys=None):
    """(bytes, tensors) of a checkpoint as published."""
    rng = np.random.default_rng(factor)
    arrays = arrays or {}
    modules = OrderedDict(relu=Made("torch.nn.modules.activation ReLU", {"inplace": False, "threshold": 0.0}))
    for number, shape in enumerate([*SHAPES, (factor**2, 32, 3, 3)], 1):
        parts = OrderedDict()
        for part, size in (("weight", shape), ("bias", shape[:1])):
            name = f"conv{number}.{part}"
            arrays.setdefault(name, rng.normal(size=size).astype("<f4"))
            parts[part] = parameter(name, size)
        if change:
            change(number, parts)
        modules[f"conv{number}"] = Made("torch.nn.modules.conv Conv2d", {"_parameters": parts, "stride": (1, 1)})
    modules["pixel_shuffle"] = Made("torch.nn.modules.pixelshuffle PixelShuffle", {"upscale_factor": factor})
    backend = Call("torch.nn.backends.thnn _get_thnn_function_backend")
    net = root or Made("model_super_resolution Net", {"_backend": backend, "_modules": modules})
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    content = b"".join(map(dumped, (legacy.MAGIC, 1001, machine, net, keys or sorted(arrays))))
    for name in sorted(arrays):
        content += struct.pack("<q", arrays[name].size) + arrays[name].tobytes()
    return content, arrays


@pytest.fixture
def saved(tmp_path):
    def write(content):
        path = tmp_path / "net.pth"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("factor, count", [(2, 58_212), (4, 61_680)])
def test_a_checkpoint_becomes_safetensors(factor, count, saved, tmp_path):
    content, arrays = checkpoint(factor)
    out = convert(saved(content), tmp_path / "new" / "net.safetensors").path
    with safe_open(out, framework="numpy") as file:
        facts = json.loads(file.metadata()["facts"])
        found = {name: file.get_tensor(name) for name in file.keys()}
    assert facts["factor"] == str(factor) and facts["network"] == "espcn" and facts["residual"] == "no"
    assert sum(array.size for array in found.values()) == count
    assert found.keys() == arrays.keys() and all(np.array_equal(found[k], arrays[k]) for k in found)
    assert [path.name for path in out.parent.iterdir()] == ["net.safetensors"]


def test_what_it_writes_can_be_used(saved, tmp_path):
    from maquette.core.types import Frame
    from maquette.imaging.upscale.method import upscaled

    out = convert(saved(checkpoint(4)[0]), tmp_path / "net.safetensors").path
    assert upscaled(Frame(np.zeros((5, 6, 3), np.uint8)), 4, "espcn", out, compat=True).size == (24, 20)


def evil(text, *arguments):
    return {"root": Call(text, *arguments)}


def beyond(number, parts):
    if number == 4:
        parts["bias"] = parameter("conv4.bias", (16,), offset=1)


def scattered(number, parts):
    if number == 4:
        parts["bias"] = parameter("conv4.bias", (16,), strides=(2,))


def negative(number, parts):
    if number == 4:
        parts["bias"] = parameter("conv4.bias", (16,), offset=-3)


def other_size(number, parts):
    if number == 1:
        parts["bias"] = parameter("conv1.bias", (64,), count=128)


@pytest.mark.parametrize(
    "made, message",
    [
        (evil("posix system", "touch /tmp/never"), "names 'posix.system'"),
        (evil("builtins eval", "1"), "names '.*eval'"),
        (evil("torch._utils _rebuild_tensor_v2", 1, 2, 3, 4), "describes a tensor wrongly"),
        (evil("collections OrderedDict", ("a", 1)), "in an unknown way"),
        ({"root": OrderedDict(a=1)}, "holds no network"),
        ({"root": Made("torch.nn.modules.conv Conv2d", {})}, "wanted a network of the class"),
        ({"root": Made("model_super_resolution Net", {})}, "wanted a network of the class"),
        ({"change": beyond}, "beyond its storage"),
        ({"change": scattered}, "not contiguous"),
        ({"change": negative}, "describes a tensor wrongly"),
        ({"change": other_size}, "of another size"),
        ({"keys": ["a", "a"]}, "lists its storages wrongly"),
        ({"factor": 3}, "another network"),
        ({"arrays": {"conv1.bias": np.full(64, np.nan, "<f4")}}, "not finite"),
    ],
)
def test_what_is_not_the_network_is_refused(made, message, saved):
    with pytest.raises(BadInput, match=message) as error:
        read(saved(checkpoint(**made)[0]))
    assert "\n" not in str(error.value)


HEAD = dumped(legacy.MAGIC) + dumped(1001) + dumped({"little_endian": True})
SELF = b"\x80\x02]q\x00h\x00a."  # a list that holds itself, by APPEND, which PyTorch never wrote
DEEP = b"\x80\x02)" + b"\x86".join(b"q%c" % k + b"h%c" % k for k in range(60)) + b"\x86."
HASHED = b"\x80\x02})" + b"".join(b"q%ch%c\x86" % (k, k) for k in range(60)) + b"K\x01s."
HUGE_MEMO = b"\x80\x02Nr\xff\xff\xff\xff."
LONG_TEXT = b"\x80\x02X\xff\xff\xff\x7fabc."


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"hello", HEAD, HEAD + SELF, HEAD + DEEP, HEAD + HASHED, HEAD + HUGE_MEMO, HEAD + LONG_TEXT]
    + [HEAD + b"\x80\x02" + code + b"." for code in (b"0", b"2", b"t", b"\x87", b"R", b"b", b"Q", b"h\x07", b"u", b"s")]
    + [b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00."],
)
def test_broken_and_hostile_files_are_refused(content, saved):
    with pytest.raises(BadInput, match="net.pth"):
        read(saved(content))


def test_every_truncation_is_refused(saved):
    content = checkpoint(2)[0]
    for length in [*range(0, 3000, 37), len(content) - 300, len(content) - 4, len(content) - 1]:
        with pytest.raises(BadInput):
            read(saved(content[:length]))
    with pytest.raises(BadInput, match="after its last storage"):
        read(saved(content + b"\0"))


def test_a_storage_that_claims_too_much_is_not_allocated(saved):
    content, arrays = checkpoint(2)
    first = min(arrays)
    place = content.rindex(struct.pack("<q", arrays[first].size) + arrays[first].tobytes())
    with pytest.raises(BadInput, match="truncated"):
        read(saved(content[:place] + struct.pack("<q", 2**60) + content[place + 8 :]))


def test_a_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "large.pth"
    with path.open("wb") as file:
        file.truncate(legacy.MOST_BYTES + 10)
    with pytest.raises(BadInput, match="larger than 64 MB"):
        read(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "none.pth")
