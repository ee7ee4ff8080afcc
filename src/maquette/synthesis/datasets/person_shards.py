"""Examples of whole persons as files to train on: OUT/SPLIT/persons-NNNNN.safetensors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from maquette.core.files import write_whole
from maquette.synthesis.anatomy.population import SPLITS
from maquette.synthesis.datasets.person_examples import draw_example
from maquette.synthesis.datasets.workers import settle_worker

SHARD = 128  # examples per file


@dataclass(frozen=True)
class _ShardJob:
    """One shard: examples first to last - 1 of a set, and the side of their pictures in pixels."""

    file: Path
    seed: int
    split: int
    first: int
    last: int
    size: int


def write_person_shards(
    folder: Path,
    count: int,
    seed: int,
    size: int = 256,
    workers: int = 1,
    written: Callable[[Path], None] = lambda _: None,
) -> list[Path]:
    """Write examples as FOLDER/persons-NNNNN.safetensors, SHARD in each; those that are there are kept.

    Args:
        folder: its name decides the split: "test" draws other people than anything else.
        seed: of the set; example k of the set is the same whatever the number of workers.
        size: side of the pictures, pixels.
        workers: processes; 1 stays in this one.
        written: called with each file that is there.

    Returns:
        The shards, all there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    split = SPLITS.index("test" if folder.name == "test" else "train")
    jobs = [
        _ShardJob(folder / f"persons-{k:05d}.safetensors", seed, split, start, min(start + SHARD, count), size)
        for k, start in enumerate(range(0, count, SHARD))
    ]
    if workers == 1:
        for job in jobs:
            _write_shard(job)
            written(job.file)
        return [job.file for job in jobs]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settle_worker) as pool:
        for job, done in zip(jobs, [pool.submit(_write_shard, job) for job in jobs]):
            done.result()
            written(job.file)
    return [job.file for job in jobs]


def _write_shard(job: _ShardJob) -> None:
    if job.file.is_file():
        return
    rows = [draw_example((job.seed, job.split, k), job.size) for k in range(job.first, job.last)]
    write_whole(job.file, save({name: np.stack([row[name] for row in rows]) for name in rows[0]}))
