"""What a finer head costs: python benchmarks/mesh.py [PHOTO] [--runs 9]

PHOTO is scikit-image's astronaut unless given. The whole way from a photo to head.glb is timed warm with `--mesh light`
and `fine`, in turns in one process; then each file of the head alone. Prints a table and writes results/mesh.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

from timing import side_by_side

import maquette
from maquette.core.options import MESHES, OutputOptions
from maquette.core.result import Result
from maquette.outputs.asset import Asset, open_asset
from maquette.outputs.writers import WRITERS

RESULTS = Path(__file__).parent / "results" / "mesh.csv"
WHOLE = "photo to head.glb"
FILES = ("{stem}.glb", "{stem}.obj", "{stem}.stl", "{stem}.ply", "landmarks.json")


def whole(photo: Path, mesh: str) -> bytes:
    """head.glb of the first face of a photo."""
    return WRITERS["{stem}.glb"](open_asset(maquette.face(photo)[0], OutputOptions(mesh=mesh)))


def file_of(result: Result, key: str, mesh: str) -> Callable[[], bytes]:
    """A work that makes one file of a result."""
    return lambda: WRITERS[key](open_asset(result, OutputOptions(mesh=mesh)))


def measured(photo: Path, runs: int) -> list[dict[str, object]]:
    """One row per file and mesh: bytes, median wall and processor seconds, and the ratio of fine to light."""
    result = maquette.face(photo)[0]
    rows = []
    for key in (WHOLE, *FILES):
        works = {
            mesh: (lambda mesh=mesh: whole(photo, mesh)) if key == WHOLE else file_of(result, key, mesh)
            for mesh in MESHES
        }
        spent = side_by_side(works, runs)
        for mesh, work in works.items():
            asset: Asset = open_asset(result, OutputOptions(mesh=mesh))
            wall, cpu = spent[mesh]
            row = {"what": key.replace("{stem}", asset.stem), "mesh": mesh, "vertices": len(asset.mesh.vertices)}
            row |= {"bytes": len(work()), "wall_s": round(wall, 4), "cpu_s": round(cpu, 4)}
            rows.append(row | {"cpu_ratio": round(cpu / spent[MESHES[0]][1], 3), "runs": runs})
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    import skimage

    rows = measured(given.photo or Path(skimage.__file__).parent / "data" / "astronaut.png", given.runs)
    for row in rows:
        print("  ".join(str(value) for value in row.values()))
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
