"""How many photos an hour `maquette batch` does with one process and with several, and whether memory stays flat.

    python benchmarks/batch.py OUT [--photos PHOTO ...] [--count 16] [--workers 1 2] [--engine local]

Each number of processes does the same items on as many cores (a process left alone with two draws its turntable on the
second), so that their ratio is the efficiency: items an hour for each process, beside one process. Writes batch.csv:
workers, items, seconds, items an hour, efficiency, median seconds, peak MB.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
from pathlib import Path

from maquette.batch.run import run_batch
from maquette.core.options import BatchOptions


def main() -> None:
    """Measure and print."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("out", type=Path)
    reader.add_argument("--photos", nargs="*", type=Path, default=[])
    reader.add_argument("--count", type=int, default=16, help="items; photos are taken again with another seed")
    reader.add_argument("--workers", nargs="*", type=int, default=[1, 2])
    reader.add_argument("--engine", default="local")
    asked = reader.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    manifest = asked.out / "manifest.csv"
    manifest.write_text("\n".join(["photo,seed", *rows(asked.photos or [sample()], asked.count)]) + "\n")
    table: list[dict[str, float]] = []
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for workers in asked.workers:
        if cores:
            os.sched_setaffinity(0, cores[:workers])
        folder = asked.out / f"workers-{workers}"
        shutil.rmtree(folder, ignore_errors=True)
        limits = BatchOptions(engine=asked.engine, workers=workers, address="local")
        facts = run_batch(str(manifest), folder, "face", limits, {})
        assert facts["done"] + facts["failed"] == asked.count
        rate = facts["items_per_hour"]
        each = table[0]["items_per_hour"] / table[0]["workers"] if table else rate / workers
        table.append(
            {"workers": workers, "items": asked.count, "failed": facts["failed"], "seconds": facts["seconds"],
             "items_per_hour": rate, "efficiency": round(rate / workers / each, 3),
             "median_seconds": facts["seconds_per_item"]["median"], "peak_mb": facts["peak_mb"]}
        )  # fmt: skip
        print(", ".join(f"{name} {value}" for name, value in table[-1].items()), flush=True)
    with (asked.out / "batch.csv").open("w", newline="") as file:
        written = csv.DictWriter(file, table[0])
        written.writeheader()
        written.writerows(table)


def rows(photos: list[Path], count: int) -> list[str]:
    """Lines of the manifest."""
    return [f"{photos[number % len(photos)].absolute()},{number}" for number in range(count)]


def sample() -> Path:
    """A public domain portrait that a dependency carries."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"


if __name__ == "__main__":
    main()
