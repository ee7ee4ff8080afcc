"""How long each stage takes beside MediaPipe's detection alone: python benchmarks/speed.py [PHOTO...] [--runs 5]

Without photos, scikit-image's astronaut. Stages are timed warm in one process, side by side; then the whole command as
a cold process, and three faces in one photo against one. Prints a table, writes results/speed.csv. Processor seconds
stand beside wall seconds, since they hardly depend on what else runs on the machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from timing import Work, side_by_side

from maquette import outputs, texturing
from maquette.core.options import FitOptions, Options, PerceptionOptions, TextureOptions, options_from
from maquette.core.result import Failure, Result
from maquette.core.types import Frame, Observation, Subject
from maquette.outputs import writers
from maquette.outputs.asset import open_asset
from maquette.perception.faces import segment, skin, topology
from maquette.perception.faces.coverings.neighbours import share_of
from maquette.perception.faces.landmarker import Face
from maquette.perception.faces.search import find_faces
from maquette.perception.observers import OBSERVERS
from maquette.pipeline import photo as pipeline
from maquette.reconstruction import methods
from maquette.sources import photos
from maquette.weights.store import fetch

RESULTS = Path(__file__).parent / "results" / "speed.csv"
DETECTION = "detection: find faces, 478 landmarks"
SMALL, LARGE = 1024, 2048  # texture sizes
COLD_RUNS = 3
COMMAND = [sys.executable, "-c", "from maquette.cli.main import main; main()"]
# A process between this one and the measured one: a child's peak memory begins with its parent's.
WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
sys.stderr.buffer.write(done.stderr)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(done.returncode)
"""


@dataclass(frozen=True)
class Row:
    """One line of the table; seconds are medians, `ratio` is to detection alone, `goal` is in words."""

    photo: str
    what: str
    wall_s: float
    cpu_s: float
    runs: int
    ratio: float | None = None
    peak_mb: float | None = None
    goal: str = ""

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:7.2f}x"
        peak = "" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        return f"{self.what:52s}{self.wall_s:8.3f}{self.cpu_s:8.3f}{ratio:>9s}  {peak:9s}{self.goal}"


def options_for(size: int) -> Options:
    return options_from(texture_size=size)


def run(photo: Path, options: Options) -> list[Result]:
    """Every face of a photo, textured."""
    found = list(pipeline.reconstruct([photo], options))
    failed = [one.error for one in found if isinstance(one, Failure)]
    if failed:
        raise failed[0]
    return [one for one in found if isinstance(one, Result)]


def observe(frame: Frame) -> list[Observation]:
    """Every face of a picture, as the pipeline looks for it."""
    return OBSERVERS[Subject.FACE](frame, PerceptionOptions())


def to_glb(photo: Path) -> None:
    """Photo to textured GLB at the small texture size."""
    for result in run(photo, options_for(SMALL)):
        write("{stem}.glb", result, SMALL)


def to_everything(photo: Path) -> None:
    """Photo to all default files."""
    with tempfile.TemporaryDirectory() as folder:
        for result in run(photo, options_for(LARGE)):
            outputs.save(result, Path(folder) / result.name)


def write(key: str, result: Result, size: int) -> bytes:
    """One file of one result, with everything it needs made anew; a key of the table of writers."""
    asset = open_asset(result, options_for(size).output)
    try:
        return writers.WRITERS[key](asset)
    finally:
        asset.close()


def files_of(result: Result) -> dict[str, str]:
    """File -> its key in the table of writers, for those that are written of this result."""
    asset = open_asset(result, options_for(LARGE).output)
    try:
        return {writers.file_name(key, asset): key for key in writers.wanted(asset)}
    finally:
        asset.close()


def masks(frame_faces: Sequence[Face], seen: list[Observation]) -> None:
    """Skin and person masks of every face."""
    for face, one in zip(frame_faces, seen):
        others = [other.landmarks for other in seen if other is not one]
        skin.skin_mask(one.frame.pixels, one.landmarks, topology.facing(one.landmarks))
        segment.subject_mask(
            one.frame.pixels, face.roll, one.landmarks, share_of(one.frame.pixels, one.landmarks, others)
        )


def stages(photo: Path) -> dict[str, Work]:
    """What is timed, in order, each with its inputs ready."""
    frame = photos.read(photo)
    faces = sorted(find_faces(frame.pixels), key=lambda face: face.box[[0, 2]].mean())
    seen = observe(frame)
    row, both = methods.find("parametric"), (FitOptions(photometric=p) for p in (False, True))
    plain, full = (methods.load(row, fetch, Options(fit=fit)) for fit in both)
    shapes = [full([one]) for one in seen]
    results = run(photo, options_for(LARGE))

    def writing(key: str, of: list[Result]) -> Work:
        return lambda: [write(key, result, LARGE) for result in of]

    def finish(size: int) -> None:
        for shape, one in zip(shapes, seen):
            texturing.finish(shape, [one], TextureOptions(texture_size=size))

    return {
        "reading": lambda: photos.read(photo),
        DETECTION: lambda: find_faces(frame.pixels),
        "masks of skin and person": lambda: masks(faces, seen),
        "fit: landmarks": lambda: [plain([one]) for one in seen],
        "fit: landmarks and shading": lambda: [full([one]) for one in seen],
        f"surface {SMALL}": lambda: finish(SMALL),
        f"surface {LARGE}": lambda: finish(LARGE),
        **{file: writing(key, results) for file, key in files_of(results[0]).items()},
        f"photo to textured GLB, {SMALL}, warm": lambda: to_glb(photo),
        f"photo to all files, {LARGE}, warm": lambda: to_everything(photo),
    }


def stage_rows(photo: Path, runs: int) -> list[Row]:
    """The warm table of one photo, seconds per face."""
    count = len(observe(photos.read(photo)))
    spent = side_by_side(stages(photo), runs)
    (wall, cpu), (wall_both, cpu_both) = spent["fit: landmarks"], spent["fit: landmarks and shading"]
    items = list(spent.items())
    at = list(spent).index("fit: landmarks and shading")
    items[at] = ("fit: shading, what it adds", (wall_both - wall, cpu_both - cpu))
    base = spent[DETECTION][0]
    rows = [Row(photo.name, what, wall / count, cpu / count, runs, wall / base) for what, (wall, cpu) in items]
    return [replace(row, goal="goal 2.5 s a face") if "GLB" in row.what else row for row in rows]


def watched(command: list[str]) -> tuple[float, float, float]:
    """Wall and processor seconds, peak megabytes of a command in a new process."""
    done = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr}")
    wall, cpu, peak = map(float, done.stdout.split())
    return wall, cpu, peak / (1e6 if sys.platform == "darwin" else 1e3)  # bytes on macOS, kilobytes on Linux


def cold(photo: Path) -> tuple[float, float, float]:
    """The same of `maquette face PHOTO -o OUT` with all default files."""
    with tempfile.TemporaryDirectory() as folder:
        spent = watched([*COMMAND, "face", str(photo), "-o", folder])
        if not list(Path(folder).glob("*/face-1/head.glb")):
            raise RuntimeError(f"maquette face {photo} wrote nothing")
    return spent


def thrice(photo: Path, folder: Path) -> Path:
    """A photo that shows the given one three times, side by side."""
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    path = folder / "three.png"
    Image.fromarray(np.concatenate([pixels] * 3, axis=1)).save(path)
    return path


def group_rows(photo: Path, runs: int) -> list[Row]:
    """One face against three faces in one photo, taking turns; `ratio` is to one face."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        three = thrice(photo, Path(folder))
        count = len(observe(photos.read(three)))
        if count != 3:
            raise RuntimeError(f"{photo.name}, three times side by side: wanted 3 faces, found {count}")
        spent = side_by_side({"one": lambda: to_glb(photo), "three": lambda: to_glb(three)}, runs)
        (wall, cpu), (wall_3, cpu_3) = spent["one"], spent["three"]
        what = f"photo to textured GLB, {SMALL}, warm"
        rows.append(Row(photo.name, f"one face, {what}", wall, cpu, runs, 1.0))
        rows.append(Row(photo.name, f"three faces, {what}", wall_3, cpu_3, runs, wall_3 / wall, goal="goal 2.2x"))
        alone, group = [], []
        for _ in range(COLD_RUNS):
            alone.append(cold(photo))
            group.append(cold(three))
        wall, cpu, peak = np.median(alone, axis=0).tolist()
        wall_3, cpu_3, peak_3 = np.median(group, axis=0).tolist()
        what, goal = "maquette face, cold, all files", "goal 2.2x, 2000 MB"
        rows.append(Row(photo.name, f"one face, {what}", wall, cpu, COLD_RUNS, 1.0, peak, "goal 12 s, 2000 MB"))
        rows.append(Row(photo.name, f"three faces, {what}", wall_3, cpu_3, COLD_RUNS, wall_3 / wall, peak_3, goal))
    return rows


def start_rows() -> list[Row]:
    """How long the program takes to be there."""
    rows = []
    for what, command, goal in (
        ("import maquette", [sys.executable, "-c", "import maquette"], "goal 0.2 s"),
        ("maquette --help", [*COMMAND, "--help"], "goal 0.5 s"),
    ):
        times = [watched(command) for _ in range(7)]
        wall, cpu, _ = np.median(times, axis=0).tolist()
        rows.append(Row("", what, wall, cpu, len(times), goal=goal))
    return rows


def main() -> None:
    import skimage

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5, help="warm runs of each stage, after one to warm up")
    parser.add_argument("--where", default="", help="a remark on the machine, written into the CSV")
    chosen = parser.parse_args()
    default = Path(skimage.__file__).parent / "data" / "astronaut.png"
    where = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start {chosen.where}".strip()
    print(f"{where}\n\n{'':52s}{'wall s':>8s}{'cpu s':>8s}{'ratio':>9s}")
    rows = []

    def show(more: list[Row]) -> None:
        print(*more, "", sep="\n", flush=True)
        rows.extend(more)

    show(start_rows())
    for photo in chosen.photos or [default]:
        print(photo.name)
        show(stage_rows(photo, chosen.runs))
    show(group_rows((chosen.photos or [default])[0], max(3, chosen.runs // 2)))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*asdict(rows[0]), "where"])
        writer.writeheader()
        for row in rows:
            shown = {k: round(float(v), 3) if isinstance(v, float) else v for k, v in asdict(row).items()}
            writer.writerow({**shown, "where": where})


if __name__ == "__main__":
    main()
