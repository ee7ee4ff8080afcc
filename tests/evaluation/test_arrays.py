"""Files of arrays that are whole, and files that are not."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.arrays import read_npz


def test_arrays_come_back(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", one=np.arange(3), two=np.array("text"))
    found = read_npz(tmp_path / "a.npz")
    assert found["one"].tolist() == [0, 1, 2] and str(found["two"]) == "text"


def damaged(path, case):
    np.savez_compressed(path, one=np.random.default_rng(0).normal(size=2000))
    data = bytearray(path.read_bytes())
    if case == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif case == "text":
        path.write_text("no zip")
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "pickled":
        np.savez(path, one=np.array([{"a": 1}], object))
    elif case == "bits":
        data[200:1200] = bytes(1000)
        path.write_bytes(data)
    else:
        path.unlink()


@pytest.mark.parametrize("case", ["cut", "text", "empty", "pickled", "bits", "gone"])
def test_a_damaged_file_is_one_line(tmp_path, case):
    damaged(tmp_path / "a.npz", case)
    with pytest.raises(BadInput, match=r"a.npz: not a readable .npz") as caught:
        read_npz(tmp_path / "a.npz")
    assert len(str(caught.value).splitlines()) == 1
