"""How many threads each stage should have: python benchmarks/threads.py PERSON [--face PHOTO] [--runs 5] [--busy 0]

PERSON is a photo of somebody from head to foot; FACE is scikit-image's astronaut unless given. Every stage is timed
warm with one thread and with all, in turns in one process; `--busy` is how many other processes compute meanwhile.
Prints a table and adds it to results/threads.csv; `core/threads.py` follows it.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from threadpoolctl import threadpool_limits
from timing import Work, side_by_side

from maquette import texturing
from maquette.core import threads
from maquette.core.options import Options, TextureOptions
from maquette.core.types import Subject
from maquette.imaging.upscale.method import upscaled
from maquette.perception.faces.regressor import reader
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction import methods
from maquette.reconstruction.body_fit import method as body_method
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.reconstruction.pifuhd import method as pifuhd
from maquette.reconstruction.pifuhd.shipped import load_any
from maquette.reconstruction.vrn import method as vrn
from maquette.reconstruction.vrn.read import read
from maquette.sources import photos
from maquette.weights.store import fetch

RESULTS = Path(__file__).parent / "results" / "threads.csv"
ONE, ALL = "one", "all"


@dataclass(frozen=True)
class Row:
    """One stage; seconds are medians, `cpu` of all threads together."""

    stage: str
    library: str
    busy: int
    runs: int
    one_wall_s: float
    all_wall_s: float
    one_cpu_s: float
    all_cpu_s: float

    def __str__(self) -> str:
        wall, cpu = self.all_wall_s / self.one_wall_s, self.all_cpu_s / self.one_cpu_s
        return (
            f"{self.stage:16s}{self.library:10s}{self.one_wall_s:8.3f}{self.all_wall_s:8.3f}{wall:7.2f}x wall"
            f"{self.one_cpu_s:8.3f}{self.all_cpu_s:8.3f}{cpu:7.2f}x cpu"
        )


def works(face: Path, person: Path) -> dict[tuple[str, str], Work]:
    """What is timed: (stage, library) -> work."""
    settings = Options()
    frame, standing = (photos.read(path, settings.source) for path in (face, person))
    seen = max(OBSERVERS[Subject.FACE](frame, settings.perception), key=lambda one: one.mask.sum())
    body = max(OBSERVERS[Subject.PERSON](standing, settings.perception), key=lambda one: one.mask.sum())
    square, small = face_square(seen.landmarks), TextureOptions(texture_size=1024)
    volume, coarse = vrn.network_of(fetch(vrn.SHIPPED))
    network, skeleton = load_any(fetch(pifuhd.SHIPPED)), load_skeleton(fetch)
    placement = body_method.fitted([body], skeleton, settings)
    observed = pifuhd.observed_body(placement, 0, body)
    head = methods.load(methods.find("parametric"), fetch, settings)
    shape = head([seen])

    def drawn() -> object:
        return pifuhd.reconstruct_surface(network, observed, body, settings.body)

    return {
        ("face regressor", "torch"): lambda: reader.read(seen.frame.pixels, square),
        ("vrn", "torch"): lambda: read(volume, coarse, seen),
        ("body fit", "torch"): lambda: body_method.fitted([body], skeleton, settings),
        ("pifuhd", "torch"): drawn,
        ("upscale", "torch"): lambda: upscaled(frame, 2, "espcn"),
        ("perception", "algebra"): lambda: OBSERVERS[Subject.FACE](frame, settings.perception),
        ("reconstruction", "algebra"): lambda: head([seen]),
        ("texturing", "algebra"): lambda: texturing.finish(shape, [seen], small),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("person", type=Path)
    parser.add_argument("--face", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0)
    given = parser.parse_args()
    import skimage

    face = given.face or Path(skimage.__file__).parent / "data" / "astronaut.png"
    threads.THREADS.update(dict.fromkeys(threads.THREADS))  # nothing is limited but what is limited here
    rows = []
    for (stage, library), work in works(face, given.person).items():
        api = "openmp" if library == "torch" else "blas"

        def one(work: Work = work, api: str = api) -> object:
            with threadpool_limits(1, user_api=api):
                return work()

        with neighbours(given.busy):
            found = side_by_side({ONE: one, ALL: work}, given.runs)
        (one_wall, one_cpu), (all_wall, all_cpu) = found[ONE], found[ALL]
        rows.append(Row(stage, library, given.busy, given.runs, one_wall, all_wall, one_cpu, all_cpu))
        print(rows[-1], flush=True)
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerows(
            {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows
        )


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many other processes that compute without end."""
    others = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
