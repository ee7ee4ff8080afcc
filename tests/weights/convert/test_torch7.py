"""The Torch7 reader against files written here, byte by byte: whole ones, cut ones, hostile ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.weights.convert import torch7
from maquette.weights.convert.torch7 import LuaObject, parameters, read
from torch7_writer import NAMES, Function, View, Writer, module


@pytest.fixture
def written(tmp_path):
    """A function: a file of one value."""

    def write(value: object) -> Path:
        path = tmp_path / "network.t7"
        path.write_bytes(value if isinstance(value, bytes | bytearray) else Writer().value(value).data)
        return path

    return write


def ramp(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype="f4").reshape(shape)


@pytest.mark.parametrize("value", [None, 3.5, -0.0, True, False, "text", "", {"a": 1.0, "b": {2.0: "c"}}])
def test_plain_values_come_back(written, value):
    found = read(written(value))
    assert found == value and type(found) is type(value)


def test_a_list_is_a_table_from_one():
    assert torch7._items({1.0: "a", 2.0: "b", 4.0: "d"}) == ["a", "b"]


@pytest.mark.parametrize("code", NAMES)
def test_tensors_of_every_type(written, code):
    tensor = np.arange(24).reshape(2, 3, 4).astype(f"<{code}")
    found = read(written(tensor))
    assert found.dtype == tensor.dtype and np.array_equal(found, tensor)
    assert not found.flags.writeable


def test_cuda_tensors_are_floats(written):
    data = Writer().value(ramp(2, 2)).data
    for kind in ("Tensor", "Storage"):
        data = data.replace(struct.pack("<i", 11 + len(kind)) + f"torch.Float{kind}".encode(), b"@" + kind.encode())
        data = data.replace(b"@" + kind.encode(), struct.pack("<i", 10 + len(kind)) + f"torch.Cuda{kind}".encode())
    assert np.array_equal(read(written(data)), ramp(2, 2))


def test_tensors_without_elements(written):
    assert read(written(View(np.zeros(0, "f4"), (), ()))).shape == (0,)
    writer = Writer()
    writer.integer(4, 1)
    writer.named("torch.FloatTensor")
    writer.integer(0)
    writer.long(1)
    writer.value(None)
    assert read(written(writer.data)).shape == (0,)


def test_tensors_that_are_not_contiguous_and_share_a_storage(written):
    storage = ramp(30).reshape(-1)
    transposed, later = View(storage, (4, 3), (1, 4)), View(storage, (2, 3), (6, 2), 15)
    found = read(written({"a": transposed, "b": later, "again": transposed}))
    assert np.array_equal(found["a"], storage[:12].reshape(3, 4).T)
    assert np.array_equal(found["b"], [[15, 17, 19], [21, 23, 25]])
    assert found["again"] is found["a"]
    assert np.shares_memory(found["a"], found["again"])


def test_expanded_scratch_space_is_left_out(written):
    assert read(written({"gradInput": View(ramp(1).reshape(-1), (2**40, 2**40), (0, 0))})) == {"gradInput": None}


def test_functions_are_passed_over_even_those_that_hold_themselves(written):
    closure = Function(shared=True)
    found = read(written({"old": Function(shared=False), "new": closure, "same": closure, "after": 2.0}))
    assert found == {"old": None, "new": None, "same": None, "after": 2.0}


def test_objects_keep_class_version_and_identity(written):
    one = module("nn.ReLU", version=3, inplace=True)
    found = read(written([one, one, module("custom.Layer", version=0)]))
    assert found[1] is found[2]
    assert (found[1].kind, found[1].version, found[1].fields["inplace"]) == ("nn.ReLU", 3, True)
    assert (found[3].kind, found[3].version) == ("custom.Layer", 0)


def test_tables_that_hold_themselves_are_values(written):
    table: dict = {"name": "x"}
    table["self"] = table
    found = read(written(table))
    assert found["self"] is found


def small_network() -> LuaObject:
    """Branches, cudnn, an old normalisation, a shared and a walked storage, scratch space, a function."""
    shared = ramp(40).reshape(-1)
    walked = View(shared, (2, 3, 1, 1), (1, 2, 1, 1))
    inner = module(
        "nn.Sequential",
        module("cudnn.SpatialConvolution", weight=walked, bias=View(shared, (2,), (1,), 6), gradWeight=ramp(2, 3)),
        module("nn.SpatialBatchNormalization", weight=ramp(2), running_std=np.float32([2, 0.5]), eps=0.01),
        module("nn.SpatialBatchNormalization", version=2, running_mean=ramp(2), running_var=ramp(2) + 1),
    )
    last = module("nn.SpatialConvolutionMM", weight=ramp(2, 27), nOutputPlane=2, nInputPlane=3, kW=3, kH=3)
    branches = module("nn.ConcatTable", inner, module("nn.Identity"))
    return module("nn.Sequential", branches, module("nn.CAddTable", hook=Function(shared=True)), last)


def test_weights_have_the_keys_of_their_places(written):
    path = written(small_network())
    found = parameters(read(path), path)
    wanted = {
        "0.0.0.weight": ramp(6).reshape(3, 2).T[..., None, None],
        "0.0.0.bias": np.float32([6, 7]),
        "0.0.1.weight": ramp(2),
        "0.0.1.running_var": np.float32([0.25 - 0.01, 4 - 0.01]),
        "0.0.2.running_mean": ramp(2),
        "0.0.2.running_var": ramp(2) + 1,
        "2.weight": ramp(2, 3, 3, 3),
    }
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        assert found[key].shape == value.shape and np.allclose(found[key], value), key


def test_a_file_cut_anywhere_is_refused(written):
    norm = module("nn.SpatialBatchNormalization", running_std=ramp(2), hook=Function(shared=True))
    whole = Writer().value(module("nn.Sequential", norm)).data
    for size in range(len(whole)):
        with pytest.raises(BadInput, match="truncated|cannot be read"):
            read(written(whole[:size]))
    assert read(written(whole)).kind == "nn.Sequential"


def test_a_file_with_a_byte_changed_is_read_or_refused(written):
    """Never another exception, and never much memory."""
    whole = bytearray(Writer().value(small_network()).data)
    generator = np.random.default_rng(3)
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] = generator.integers(256)
        path = written(bytes(damaged))
        try:
            parameters(read(path), path)
        except BadInput as error:
            assert str(path) in str(error) and "\n" not in str(error)


NOISE = [b"", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(40), b"4\n1\n3\nV 1\n13\nnn.Sequential\n"]


@pytest.mark.parametrize("noise", NOISE)
def test_other_files_are_refused(written, noise):
    with pytest.raises(BadInput, match="Torch7 file"):
        read(written(noise))


def test_no_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.t7"):
        with pytest.raises(BadInput, match="cannot be read"):
            read(path)


def tensor_of(sizes, strides, offset=0, stored=4, claimed=None) -> bytes:
    writer = Writer()
    writer.value(View(np.zeros(stored, "f4"), sizes, strides, offset))
    if claimed is None:
        return writer.data
    return writer.data[: -8 - 4 * stored] + struct.pack("<q", claimed) + writer.data[-4 * stored :]


HOSTILE = {
    "a text of 2 GB": (struct.pack("<ii", 2, 2**31 - 1), "2147483647 bytes is truncated"),
    "a negative text": (struct.pack("<ii", 2, -5), "-5 bytes is negative"),
    "a table of 2^31": (struct.pack("<iii", 3, 1, 2**31 - 1) + bytes(64), "2147483647 entries"),
    "a negative table": (struct.pack("<iii", 3, 1, -1) + bytes(64), "-1 entries"),
    "an unknown tag": (struct.pack("<i", 99), "no tag of a value: 99"),
    "a storage of 2^61": (tensor_of((4,), (1,), claimed=2**61), "truncated"),
    "a negative storage": (tensor_of((4,), (1,), claimed=-1), "negative"),
    "a tensor beyond its storage": (tensor_of((5,), (1,)), "reaches element 4 of a storage of 4"),
    "a stride beyond it": (tensor_of((2, 2), (2**62, 1)), "reaches element"),
    "an offset beyond it": (tensor_of((1,), (1,), offset=4), "reaches element 4"),
    "an offset before it": (tensor_of((1,), (1,), offset=-1), "reaches element -1"),
    "a negative stride": (tensor_of((2,), (-1,), offset=1), "negative sizes"),
    "a negative size": (tensor_of((-2,), (1,)), "negative sizes"),
    "17 axes": (tensor_of((1,) * 17, (1,) * 17), "number of axes: 17"),
    "an unknown torch class": (Writer().value(LuaObject("torch.Timer", 1)).data, "unknown class 'torch.Timer'"),
    "an object of two lists": (Writer().value(LuaObject("nn.ReLU", 1, 3.0)).data, "wanted the fields of a nn.ReLU"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_sizes_are_refused_with_the_reason(written, what):
    data, message = HOSTILE[what]
    with pytest.raises(BadInput, match=message):
        read(written(data))


def test_a_tensor_whose_storage_is_another_thing_is_refused(written):
    whole = tensor_of((4,), (1,))
    head = whole[: whole.index(b"V 1", 20) - 12]
    for storage in (struct.pack("<i", 0), struct.pack("<ii", 4, 1), struct.pack("<id", 1, 4.0)):
        with pytest.raises(BadInput, match="wanted the storage"):
            read(written(head + storage))


def test_deep_nesting_is_refused(written):
    data = b"".join(struct.pack("<iiiid", 3, k + 1, 1, 1, 1.0) for k in range(5000))
    with pytest.raises(BadInput, match="nested more than 150"):
        read(written(data))


def test_too_many_values_are_refused(written, monkeypatch):
    monkeypatch.setattr(torch7, "MOST_VALUES", 50)
    with pytest.raises(BadInput, match="more than 50 values"):
        read(written([float(k) for k in range(60)]))


def test_a_module_in_itself_is_refused(written):
    inner = module("nn.Sequential")
    outer = module("nn.Sequential", module("nn.ReLU"), inner)
    inner.fields["modules"] = [outer]
    path = written(outer)
    with pytest.raises(BadInput, match=r"module 1\.0 contains itself"):
        parameters(read(path), path)


def test_modules_that_double_at_each_level_are_refused(written):
    """40 small modules that stand for 2^40."""
    tree = module("nn.ReLU")
    for _ in range(40):
        tree = module("nn.Sequential", tree, tree)
    path = written(tree)
    with pytest.raises(BadInput, match="repeats them"):
        parameters(read(path), path)


def test_a_storage_that_many_weights_claim_is_refused(written):
    weight = View(ramp(4000), (4000,), (1,))
    path = written(module("nn.Sequential", *(module("nn.Linear", weight=weight) for _ in range(9))))
    with pytest.raises(BadInput, match="claim more than the file's"):
        parameters(read(path), path)


OTHERS = [({"a": 1.0}, "dict"), (3.0, "float"), (LuaObject("image.Blob", 1), "image.Blob")]


@pytest.mark.parametrize(("value", "kind"), OTHERS)
def test_a_file_that_holds_no_network_says_what_it_holds(written, value, kind):
    path = written(value)
    with pytest.raises(BadInput, match=f"wanted a network .* one {kind}"):
        parameters(read(path), path)
