"""A data set as a folder of safetensors files (shards), each with the same columns, and its seeded order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions
from maquette.synthesis.datasets.workers import settle_worker
from maquette.weights.tensors import opened

WHOLE, FRACTIONS = ("U8", "I8", "I16", "I32", "I64", "U16", "U32"), ("F16", "F32", "F64", "BF16")
# Columns of the shards of `maquette synth` that recipes read: kinds of numbers, and axes beside the examples.
EXAMPLES: dict[str, tuple[tuple[str, ...], int]] = {
    **dict.fromkeys(("image", "normals_front", "normals_back", "body_normals_front", "body_normals_back"), (WHOLE, 3)),
    **dict.fromkeys(("mask", "mask_seen"), (WHOLE, 2)),
    **dict.fromkeys(("body_depth_front", "body_depth_back", "landmarks", "points"), (FRACTIONS, 2)),
    **dict.fromkeys(("identity", "expression", "distance"), (FRACTIONS, 1)),
    "inside": (WHOLE, 1),
}
SHARD, REMEDY = "examples", "make it again or remove it"
Array: TypeAlias = NDArray[Any]
Layout: TypeAlias = "Mapping[str, tuple[tuple[str, ...], int]]"


class _Column(NamedTuple):
    """How a column is stored: kind of numbers, and shape with the examples first."""

    kind: str
    shape: tuple[int, ...]


class Shards:
    """Examples of `FOLDER/*.safetensors` in a shuffled order, all examples once per epoch.

    Attributes:
        columns: the tensors that are read; in each shard they share their first length, the number of its examples.
    """

    def __init__(
        self, folder: Path, columns: Sequence[str], batch_size: int, seed: int, layout: Layout = EXAMPLES
    ) -> None:
        """Look into every shard; nothing but its header is read.

        Args:
            layout: of columns by name; others may look as they like, but in all shards alike.

        Raises:
            BadInput: no shards, an unreadable one, a missing column, columns of different lengths, of other kinds of
                numbers or with other axes than they should have, or unlike those of the first shard.
        """
        self.columns, self.batch_size, self.seed = tuple(columns), batch_size, seed
        self.files = sorted(Path(folder).glob("*.safetensors"))
        if not self.files:
            raise BadInput(f"data {folder}: wanted *.safetensors files, found none: check the folder")
        heads = [_head(file, self.columns) for file in self.files]
        for file, head in zip(self.files, heads):
            _check(file, head, heads[0], layout)
        self.ends = np.cumsum([next(iter(head.values())).shape[0] for head in heads])

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
            with opened(self.files[int(shard)], SHARD, REMEDY, "numpy") as file:
                slices = {name: file.get_slice(name) for name in self.columns}
                for place in np.flatnonzero(shards == shard):
                    row = int(indices[int(place)] - begin)
                    for name, column in slices.items():
                        found[name][place] = column[row : row + 1]
        return {name: np.concatenate(rows) for name, rows in found.items()}


def made_shards(
    make_shard: Callable[[Path, SynthesisOptions, int, int], Path],
    folder: Path,
    options: SynthesisOptions,
    per_file: int,
    workers: int,
) -> Iterator[Path]:
    """Write a whole data set with several processes; gives each file when it is done.

    Args:
        make_shard: writes examples first to first + count as one file, of folder, options, first and count.
    """
    (Path(folder) / options.split).mkdir(parents=True, exist_ok=True)
    starts = range(0, options.count, per_file)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settle_worker) as pool:
        jobs = [pool.submit(make_shard, folder, options, k, min(per_file, options.count - k)) for k in starts]
        for job in jobs:
            yield job.result()


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


def _head(file: Path, columns: Sequence[str]) -> dict[str, _Column]:
    with opened(file, SHARD, REMEDY, "numpy") as shard:
        there = set(shard.keys())
        missing = [name for name in columns if name not in there]
        if missing:
            raise BadInput(
                f"shard {file}: column {', '.join(missing)} is missing (it has {', '.join(sorted(there))}): "
                "make the data set again"
            )
        slices = {name: shard.get_slice(name) for name in columns}
        head = {name: _Column(part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
        counts = {name: column.shape[0] for name, column in head.items()}
    if len(set(counts.values())) > 1 or not min(counts.values()):
        got = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInput(f"shard {file}: wanted the same number of examples in every column, at least one, got {got}")
    return head


def _check(file: Path, head: Mapping[str, _Column], first: Mapping[str, _Column], layout: Layout) -> None:
    """Refuse columns that no recipe could read.

    Raises:
        BadInput: the first of them.
    """
    for name, column in head.items():
        kinds, axes = layout.get(name, ((column.kind,), len(column.shape) - 1))
        if column.kind not in kinds or len(column.shape) != axes + 1:
            raise BadInput(
                f"shard {file}: column {name}: wanted {' or '.join(kinds)} of {axes} axes beside the examples, got "
                f"{column.kind} {column.shape}: {REMEDY}"
            )
        if (column.kind, column.shape[1:]) != (first[name].kind, first[name].shape[1:]):
            raise BadInput(
                f"shard {file}: column {name} is {column.kind} {column.shape[1:]} per example, in the first shard "
                f"{first[name].kind} {first[name].shape[1:]}: {REMEDY}"
            )
