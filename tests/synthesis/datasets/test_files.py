"""Packed arrays: what numpy reads again, the same bytes each time."""

from __future__ import annotations

import io

import numpy as np

from maquette.synthesis.datasets.files import packed, stem


def test_packed_arrays_are_read_by_numpy():
    arrays = {
        "depth": np.array([[0.5, np.inf]], np.float32),
        "kind": np.arange(6, dtype=np.uint8),
        "name": np.array("x"),
    }
    with np.load(io.BytesIO(packed(arrays)), allow_pickle=False) as stored:
        assert stored.files == list(arrays)
        for name, value in arrays.items():
            assert stored[name].dtype == value.dtype and np.array_equal(stored[name], value)


def test_the_same_arrays_give_the_same_bytes():
    assert packed({"a": np.zeros(100)}) == packed({"a": np.zeros(100)})


def test_names_sort_like_numbers():
    assert sorted(map(stem, (2, 10, 1))) == ["00001", "00002", "00010"]
