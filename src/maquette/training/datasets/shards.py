"""A data set as a folder of safetensors files (shards), each with the same columns, and its seeded order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.weights.tensors import opened

SHARD, REMEDY = "examples", "make it again or remove it"
Array: TypeAlias = NDArray[Any]


class Shards:
    """Examples of `FOLDER/*.safetensors` in a shuffled order, all examples once per epoch.

    Attributes:
        columns: the tensors that are read; in each shard they share their first length, the number of its examples.
    """

    def __init__(self, folder: Path, columns: Sequence[str], batch_size: int, seed: int) -> None:
        """Look into every shard; nothing but its header is read.

        Raises:
            BadInput: no shards, an unreadable one, a missing column, or columns of different lengths.
        """
        self.columns, self.batch_size, self.seed = tuple(columns), batch_size, seed
        self.files = sorted(Path(folder).glob("*.safetensors"))
        if not self.files:
            raise BadInput(f"data {folder}: wanted *.safetensors files, found none: check the folder")
        counts = [_count(file, self.columns) for file in self.files]
        self.ends = np.cumsum(counts)

    def __len__(self) -> int:
        """Number of examples."""
        return int(self.ends[-1])

    def batch(self, number: int) -> dict[str, Array]:
        """Columns of the batch of this number, counted from 0 without end."""
        return self.rows(shuffled(len(self), self.batch_size, self.seed, number))

    def rows(self, indices: Sequence[int] | Array) -> dict[str, Array]:
        """Columns of these examples, stacked in this order."""
        found: dict[str, list[Any]] = {name: [None] * len(indices) for name in self.columns}
        shards = np.searchsorted(self.ends, indices, side="right")
        for shard in np.unique(shards):
            begin = self.ends[shard - 1] if shard else 0
            with opened(self.files[shard], SHARD, REMEDY, "numpy") as file:
                slices = {name: file.get_slice(name) for name in self.columns}
                for place in np.flatnonzero(shards == shard):
                    row = int(indices[place] - begin)
                    for name, column in slices.items():
                        found[name][place] = column[row : row + 1]
        return {name: np.concatenate(rows) for name, rows in found.items()}


def shuffled(count: int, batch_size: int, seed: int, number: int) -> NDArray[np.int64]:
    """(batch_size,) int64 indices of one batch: each epoch is a permutation of its own, batches run over its end.

    Args:
        count: number of examples.
        number: of the batch, counted from 0 without end.

    Example:
        >>> sorted(shuffled(4, 2, 0, 0).tolist() + shuffled(4, 2, 0, 1).tolist())
        [0, 1, 2, 3]
    """
    places = number * batch_size + np.arange(batch_size)
    epochs = {int(e): np.random.default_rng([seed, int(e)]).permutation(count) for e in np.unique(places // count)}
    return np.array([epochs[int(place // count)][place % count] for place in places], np.int64)


def _count(file: Path, columns: Sequence[str]) -> int:
    with opened(file, SHARD, REMEDY, "numpy") as shard:
        there = set(shard.keys())
        missing = [name for name in columns if name not in there]
        if missing:
            raise BadInput(
                f"shard {file}: column {', '.join(missing)} is missing (it has {', '.join(sorted(there))}): "
                "make the data set again"
            )
        counts = {name: shard.get_slice(name).get_shape()[0] for name in columns}
    if len(set(counts.values())) > 1 or not min(counts.values()):
        got = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInput(f"shard {file}: wanted the same number of examples in every column, at least one, got {got}")
    return next(iter(counts.values()))
