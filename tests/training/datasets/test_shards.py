"""Shards: every example once per epoch, in an order that is a function of the seed; what is wrong is named."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from maquette.core.errors import BadInput
from maquette.training.datasets.shards import Shards, shuffled


@pytest.fixture
def folder(tmp_path):
    begin = 0
    for number, count in enumerate((5, 3, 4)):
        index = np.arange(begin, begin + count)
        save_file({"index": index, "picture": np.tile(index[:, None], (1, 2))}, tmp_path / f"{number}.safetensors")
        begin += count
    return tmp_path


def test_every_example_once_per_epoch(folder):
    shards = Shards(folder, ("index", "picture"), batch_size=5, seed=3)
    assert len(shards) == 12
    batches = [shards.batch(n) for n in range(12)]
    order = np.concatenate([b["index"] for b in batches])
    for epoch in range(5):
        assert sorted(order[epoch * 12 : (epoch + 1) * 12]) == list(range(12))
    assert not np.array_equal(order[:12], order[12:24])
    assert all(np.array_equal(b["picture"], np.stack([b["index"]] * 2, 1)) for b in batches)
    assert np.array_equal(shards.batch(7)["index"], batches[7]["index"])


def test_another_seed_is_another_order():
    assert not np.array_equal(shuffled(100, 10, 0, 0), shuffled(100, 10, 1, 0))


def test_a_batch_larger_than_the_data():
    assert sorted(shuffled(3, 7, 0, 0)[:6]) == [0, 0, 1, 1, 2, 2]


def test_no_shards(tmp_path):
    with pytest.raises(BadInput, match="found none"):
        Shards(tmp_path, ("x",), 1, 0)


def test_a_missing_column_names_shard_and_column(folder):
    save_file({"index": np.arange(2)}, folder / "9.safetensors")
    with pytest.raises(BadInput, match=r"9.safetensors: column picture is missing .it has index."):
        Shards(folder, ("index", "picture"), 1, 0)


@pytest.mark.parametrize("counts", [(2, 3), (0, 0)])
def test_counts_that_differ_or_are_none(folder, counts):
    save_file({"index": np.zeros(counts[0]), "picture": np.zeros((counts[1], 2))}, folder / "9.safetensors")
    with pytest.raises(BadInput, match="9.safetensors: wanted the same number of examples"):
        Shards(folder, ("index", "picture"), 1, 0)


def test_a_damaged_shard(folder):
    (folder / "9.safetensors").write_bytes(b"half a file")
    with pytest.raises(BadInput, match="9.safetensors: wanted safetensors of examples, cannot be read"):
        Shards(folder, ("index",), 1, 0)


HOSTILE = {
    "fractions for a picture": {"image": np.zeros((2, 8, 8, 3), np.float32)},
    "a picture without colours": {"image": np.zeros((2, 8, 8), np.uint8)},
    "whole landmarks": {"landmarks": np.zeros((2, 478, 3), np.int64)},
    "one number for all": {"identity": np.float32(1)},
    "no axes": {"identity": np.zeros(2, np.float32)},
}


@pytest.mark.parametrize("columns", HOSTILE.values(), ids=HOSTILE)
def test_columns_that_no_recipe_can_read_are_named(tmp_path, columns):
    columns = {name: np.asarray(value) for name, value in columns.items()}
    save_file(columns, tmp_path / "0.safetensors")
    with pytest.raises(BadInput, match=r"0\.safetensors") as said:
        Shards(tmp_path, tuple(columns), 1, 0)
    assert "\n" not in str(said.value) and len(str(said.value)) < 400


@pytest.mark.parametrize("other", [np.zeros((2, 3), np.int64), np.zeros((2, 2), np.int32)], ids=["shape", "kind"])
def test_shards_that_differ_are_named(folder, other):
    save_file({"index": np.arange(2), "picture": other}, folder / "9.safetensors")
    with pytest.raises(BadInput, match=r"9\.safetensors: column picture is I.* in the first shard I64 \(2,\)"):
        Shards(folder, ("index", "picture"), 1, 0)
