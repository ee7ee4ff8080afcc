"""The same work on a Ray cluster: Ray Data hands items to actors, each of which keeps a process of its own.

Every computer of the cluster must see OUT and the photos at the same paths, or the photos at URLs.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maquette.batch import pool
from maquette.batch.items import Item
from maquette.core.errors import BadInput, ExtraMissing
from maquette.core.options import BatchOptions

BLOCKS_PER_WORKER = 64  # an item whose block is lost with its computer is looked up, not done again: blocks may be few
LARGEST_BLOCK = 256


def records(items: Iterable[Item], out: Path, defaults: Mapping[str, Any], limits: BatchOptions) -> Iterator[dict]:
    """As `Pool.records`, on a cluster.

    An actor or a computer that dies is replaced and its items are given out again; what it had finished is found in
    its folder and not done twice.

    Raises:
        ExtraMissing: Ray is not installed. BadInput: no cluster at this address.
    """
    ray = _connected(limits)
    work = [{"item": item.to_json()} for item in items]
    if not work:
        return
    workers = limits.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    blocks = min(len(work), max(workers * BLOCKS_PER_WORKER, -(-len(work) // LARGEST_BLOCK)))
    settings = {"out": str(out.absolute()), "defaults": dict(defaults), "limits": asdict(replace(limits, workers=1))}
    settings["program"] = pool.PROGRAM
    made = ray.data.from_items(work, override_num_blocks=blocks).map_batches(
        RayWorker,
        fn_constructor_kwargs=settings,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
        num_cpus=1,
    )
    for row in made.iter_rows():
        yield json.loads(row["record"])


class RayWorker:
    """An actor: one process with its networks loaded, and its limits."""

    def __init__(
        self, out: str, defaults: Mapping[str, Any], limits: Mapping[str, Any], program: tuple[str, ...]
    ) -> None:
        """See `Pool`."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self.pool = pool.Pool(Path(out), defaults, BatchOptions(**limits), program)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        """Records of the items of one batch, JSON both ways."""
        items = [Item.from_json(str(text)) for text in batch["item"]]
        return {"record": [json.dumps(record) for record in self.pool.records(items)]}

    def __del__(self) -> None:
        """Its process ends with it."""
        self.pool.close()


def _connected(limits: BatchOptions) -> Any:
    """The library, connected to a cluster."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ExtraMissing("--engine ray needs Ray: run: pip install 'maquette[ray]'") from error
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the computer
        try:
            address = None if limits.address == "local" else limits.address
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())[:160]
            raise BadInput(
                f"address {limits.address!r}: no Ray cluster there ({text}): --address local starts one"
            ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
