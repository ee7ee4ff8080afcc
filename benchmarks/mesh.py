"""What a finer head costs: python benchmarks/mesh.py [PHOTO] [--runs 9]

PHOTO is scikit-image's astronaut unless given. The way from the photo to the textured head and each file of it, with
`--mesh light` and `fine`, are timed warm, in turns in one process. Prints a table and writes results/mesh.csv.
"""

from __future__ import annotations

import argparse
import csv
from functools import partial
from pathlib import Path

from timing import side_by_side

import maquette
from maquette.core.options import MESHES, OutputOptions
from maquette.core.result import Result
from maquette.outputs.asset import open_asset
from maquette.outputs.writers import WRITERS

RESULTS = Path(__file__).parent / "results" / "mesh.csv"
HEAD = "photo to textured head"
FILES = ("head.glb", "head.obj", "head.stl", "head.ply", "landmarks.json")


def made(result: Result, file: str, mesh: str) -> bytes:
    """One file of a result, from the beginning."""
    return WRITERS[file.replace("head.", "{stem}.")](open_asset(result, OutputOptions(mesh=mesh)))


def measured(photo: Path, runs: int) -> list[dict[str, object]]:
    """One row per file and mesh: its vertices, bytes, median wall and processor seconds."""
    result = maquette.face(photo)[0]
    works = {f"{file} {mesh}": partial(made, result, file, mesh) for file in FILES for mesh in MESHES}
    spent = side_by_side({HEAD: partial(maquette.face, photo), **works}, runs)
    size = {mesh: len(open_asset(result, OutputOptions(mesh=mesh)).mesh.vertices) for mesh in MESHES}
    rows: list[dict[str, object]] = []
    for what, (wall, cpu) in spent.items():
        mesh = what.rpartition(" ")[2] if what != HEAD else ""
        row = {"what": what.removesuffix(f" {mesh}"), "mesh": mesh, "vertices": size.get(mesh, "")}
        row |= {"bytes": len(works[what]()) if mesh else "", "wall_s": round(wall, 4), "cpu_s": round(cpu, 4)}
        rows.append(row | {"runs": runs})
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
