"""Pickles of arrays: what they may hold comes back, everything else is refused and nothing of it runs."""

from __future__ import annotations

import io
import os
import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix

import flame_twin as twin
from maquette.core.errors import BadInput
from maquette.weights.convert import pickles


def read(tmp_path, content: bytes):
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    return pickles.load(path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_arrays_of_every_protocol_come_back(tmp_path, protocol):
    sparse = csc_matrix(np.array([[0.0, 2, 0], [1, 0, 3]]))
    held = {
        "a": np.arange(12.0).reshape(3, 4),
        "b": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
        "c": sparse,
        "d": twin.FakeCh(np.ones((2, 2), np.float32)),
        "e": "lbs",
    }
    found = read(tmp_path, twin.pickled(held, protocol))
    for name in "ab":
        np.testing.assert_array_equal(found[name], held[name])
    np.testing.assert_array_equal(found["c"], sparse.toarray())
    np.testing.assert_array_equal(found["d"], np.ones((2, 2)))
    assert found["e"] == "lbs"


class Runs:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("touch hacked",)


class Nested:
    """Calls torch's reader of bytes, which once unpickled whatever they hold."""

    def __reduce__(self):
        return torch.storage._load_from_bytes, (pickle.dumps(Runs()),)


class Evaluates:
    def __reduce__(self):
        return eval, ("1 + 1",)


@pytest.mark.parametrize("held", [Runs(), Nested(), Evaluates(), {"a": np.array([Runs()], object)}])
def test_hostile_pickles_are_refused(tmp_path, monkeypatch, held):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as caught:
        read(tmp_path, pickle.dumps(held, 2))
    assert "\n" not in str(caught.value) and not (tmp_path / "hacked").exists()


ARRAY = pickle.dumps(np.arange(8.0), 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02.",
        ARRAY[:-30],
        ARRAY.replace(b"K\x08", b"K\x09"),
        pickle.dumps(torch.nn.Linear, 2),
        pickle.dumps(np.zeros(2, complex), 2),
        pickle.dumps(np.array(["text"]), 2),
        pickle.dumps({(1, 2): 3}, 2),
        pickle.dumps([[[[[[[[1]]]]]]]], 2),
        b"\x80\x02cnumpy\nndarray\n}b.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}X\x01\x00\x00\x00aK\x01sb.",
        b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02(cos\nsystem\nX\x02\x00\x00\x00lso.",
        b"\x80\x02ccopyreg\n_reconstructor\ncbuiltins\nset\ncbuiltins\nobject\nN\x87R.",
    ],
)
def test_damaged_and_odd_pickles_are_refused_in_one_line(tmp_path, content):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value) and "a.pkl" in str(caught.value)


def test_an_array_that_is_computed_from_others_is_refused(tmp_path):
    with pytest.raises(BadInput, match="computed from others"):
        read(tmp_path, twin.pickled({"a": twin.FakeCh(twin.FakeCh(np.ones(3)))}))


def test_nothing_of_ours_is_changed_by_a_file(tmp_path):
    before = dict(vars(pickles.InertArray))
    with pytest.raises(BadInput):
        read(tmp_path, b"\x80\x02cnumpy\nndarray\nN}X\x05\x00\x00\x00stateK\x01s\x86b.")
    assert dict(vars(pickles.InertArray)) == before


def test_an_array_file_of_one_object(tmp_path):
    for name, held in (("one", np.array({"a": np.ones(3)}, object)), ("many", np.array([1, 2], object))):
        stream = io.BytesIO()
        np.save(stream, held, allow_pickle=True)
        (tmp_path / f"{name}.npy").write_bytes(stream.getvalue())
    np.save(tmp_path / "plain.npy", np.ones(3))
    np.testing.assert_array_equal(pickles.load_array_file(tmp_path / "one.npy")["a"], np.ones(3))
    for name in ("many", "plain", "nowhere"):
        with pytest.raises(BadInput):
            pickles.load_array_file(tmp_path / f"{name}.npy")
