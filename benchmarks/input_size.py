"""How the error of a head grows as its photo gets smaller: python benchmarks/input_size.py [--people 8]

Held-out people who do not exist are photographed frontally and turned by 30 degrees, sharp and well exposed; each photo
is averaged down until the face (its 478 landmarks) is 192 to 16 pixels wide, so blur, noise and JPEG of real small
photos are left out. It is then read as it is, or its face enlarged first by
`maquette.perception.faces.enlarge`, and reconstructed.
Error: mean distance in mm from the true face, with its expression, to the reconstructed surface, both laid onto each
other by a similarity of corresponding vertices; and the NME of the 68 projected landmarks that are visible.

Writes results/input_size.csv (a row per photo, size, variant and method) and the plot; --plot-only draws it from there.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import trimesh
from scipy.spatial import cKDTree

from maquette import morphable
from maquette.core.errors import MaquetteError, NothingFound
from maquette.core.options import FitOptions, Options, PerceptionOptions
from maquette.core.types import Frame, Observation, Reconstruction
from maquette.evaluation.benchmarks.synthetic import TEST, landmark_error
from maquette.evaluation.predict import face_vertices
from maquette.geometry.alignment import similarity
from maquette.geometry.camera import project
from maquette.outputs.reports.landmarks import to_photo
from maquette.perception.faces.enlarge import enlarge
from maquette.perception.faces.observe import observe
from maquette.perception.faces.regressor.preferred import with_preferred_landmarks
from maquette.reconstruction import methods
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import FaceSample, Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.weights.store import fetch

RESULTS = Path(__file__).parent / "results" / "input_size.csv"
PLOT = Path(__file__).parents[1] / "docs" / "input_size.png"
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192)  # pixels across the face
OFF, PREFERRED = "off", ", network preferred"
TRIED = {  # variant -> narrowest and widest face for which it is tried, pixels
    OFF: (16, 192),
    "bicubic x4": (16, 32),
    "espcn x2": (32, 96),
    "espcn x4": (16, 48),
    "espcn x4" + PREFERRED: (16, 32),
}
METHODS, AVERAGE = ("parametric", "vrn"), "average"
YAW = 30.0  # degrees; even people show their left side, odd ones their right
SIZE, TEXTURE = 640, 512  # pixels: side of the photo and of the skin maps
POINTS = 3000  # on the true face, by area
SEEN = PerceptionOptions(min_face=8.0, upscale="off")
MODEL = morphable.load("maquette-head")
FACE = face_vertices(MODEL)
INNER = np.isin(MODEL.faces, MODEL.part_vertices("mouth")).any(axis=1)
SKIN = MODEL.faces[FACE[MODEL.faces].all(axis=1) & ~INNER]  # the face without what lies in the mouth


@dataclass(frozen=True)
class Row:
    """One photo at one size in one variant; errors are empty where no face was found."""

    person: int
    yaw: float
    width: int
    variant: str
    method: str
    found: int
    surface_mm: float | None = None
    landmark_percent: float | None = None
    seconds: float | None = None


def photographs(people: int, seed: int) -> Iterator[tuple[int, float, FaceSample]]:
    """Person, yaw in degrees, photograph."""
    for number in range(people):
        person = None
        for yaw in (0.0, YAW if number % 2 == 0 else -YAW):
            person = person or draw_person((seed, TEST, number), TEXTURE, split="test")
            overrides = Overrides(np.radians(yaw), Sensor())
            sample = photograph_face(person, (seed, TEST, number, 1), SIZE, supersample=2, overrides=overrides)
            yield number, yaw, sample


def shrunk(sample: FaceSample, width: int) -> tuple[Frame, float]:
    """The photo with a face so many pixels wide, by area, and its pixels per pixel of the photo."""
    factor = width / float(np.ptp(sample.landmarks["mediapipe478"][:, 0]))
    side = round(sample.image.shape[1] * factor)
    if side > sample.image.shape[1]:
        raise SystemExit(f"a face of {width / factor:.0f} pixels: wanted {width} at least: raise SIZE")
    return Frame(cv2.resize(sample.image, (side, side), interpolation=cv2.INTER_AREA)), side / sample.image.shape[1]


def seen_in(frame: Frame, sample: FaceSample, factor: float) -> Observation | None:
    """The face that lies where the true one is, or None."""
    truth = sample.landmarks["mediapipe478"][:, :2] * factor
    try:
        faces = observe(frame, SEEN)
    except NothingFound:
        return None
    gaps = [np.linalg.norm(centre(face) - truth.mean(axis=0)) for face in faces]
    return faces[int(np.argmin(gaps))] if min(gaps) < 0.5 * np.ptp(truth[:, 0]) else None


def centre(face: Observation) -> np.ndarray:
    """(2,) pixels of the photo."""
    return to_photo(face, face.landmarks[:468, :2]).mean(axis=0)


def variants(frame: Frame, face: Observation, width: int) -> Iterator[tuple[str, Observation]]:
    """The face as it is, and enlarged in every way that is tried at this width.

    Where the network is preferred, it is as on the small photo: by pixels of the photo, not of the enlargement.
    """
    yield OFF, face
    for name in (name for name, (low, high) in TRIED.items() if name != OFF and low <= width <= high):
        method, factor = name.removesuffix(PREFERRED).split()
        large = enlarge(frame, face, SEEN, int(factor[1:]), method)
        yield name, with_preferred_landmarks(large) if name.endswith(PREFERRED) else large


def on_faces(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(POINTS, 3) on the face, by area."""
    corners = vertices[SKIN]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = rng.choice(len(SKIN), POINTS, p=areas / areas.sum())
    return np.einsum("nk,nkd->nd", rng.dirichlet(np.ones(3), POINTS), corners[chosen])


def surface_error(vertices: np.ndarray, truth: np.ndarray, candidates: int = 8) -> float:
    """Mean distance in mm from the true face to a head, (V, 3) each; nearest of the triangles with near centres."""
    points = on_faces(truth.astype(float), np.random.default_rng(0))
    moved = similarity(vertices[FACE], truth[FACE]).apply(vertices)[SKIN]
    near = cKDTree(moved.mean(axis=1)).query(points, k=candidates)[1].ravel()
    repeated = np.repeat(points, candidates, axis=0)
    distance = np.linalg.norm(trimesh.triangles.closest_point(moved[near], repeated) - repeated, axis=1)
    return 1000.0 * float(distance.reshape(POINTS, candidates).min(axis=1).mean())


def average_rows(sample: FaceSample, person: int, yaw: float) -> Iterator[Row]:
    """The average head, which a method must beat: as it is, and with the true expression, which no method knows."""
    bent = np.tensordot(sample.expression, MODEL.expression_basis, 1)
    for name, head in (("no expression", MODEL.mean), ("true expression", MODEL.mean + bent)):
        yield Row(person, yaw, 0, name, AVERAGE, 1, surface_error(head.astype(float), sample.vertices))


def scores(result: Reconstruction, face: Observation, sample: FaceSample, factor: float) -> tuple[float, float | None]:
    """Surface error in mm, and landmark error in % of the size of the face."""
    vertices = (result.shape.vertices if result.motion is None else result.motion[0]).astype(float)
    pixels = project(result.cameras[0], MODEL.embeddings["ibug68"].points(vertices, MODEL.faces))[0]
    return surface_error(vertices, sample.vertices), landmark_error(to_photo(face, pixels) / factor, sample)


def measured(people: int, seed: int, options: dict[str, FitOptions]) -> Iterator[Row]:
    """Every row; those of the average head first for each photo."""
    reconstructors = {
        name: methods.load(methods.find(name), fetch, Options(fit=option)) for name, option in options.items()
    }
    for person, yaw, sample in photographs(people, seed):
        yield from average_rows(sample, person, yaw)
        for width in WIDTHS:
            frame, factor = shrunk(sample, width)
            face = seen_in(frame, sample, factor)
            if face is None:
                yield from (Row(person, yaw, width, OFF, name, 0) for name in options)
                continue
            for variant, observation in variants(frame, face, width):
                for name, reconstruct in reconstructors.items():
                    began = time.process_time()
                    try:
                        result = reconstruct([observation])
                    except NothingFound:
                        yield Row(person, yaw, width, variant, name, 0)
                        continue
                    spent = time.process_time() - began
                    error, marks = scores(result, observation, sample, factor)
                    yield Row(person, yaw, width, variant, name, 1, error, marks, spent)


def read_rows() -> list[Row]:
    """The table as it was written."""
    with RESULTS.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return [
        Row(
            int(line["person"]),
            float(line["yaw"]),
            int(line["width"]),
            line["variant"],
            line["method"],
            int(line["found"]),
            *(float(line[name]) if line[name] else None for name in ("surface_mm", "landmark_percent", "seconds")),
        )
        for line in lines
    ]


def mean_of(values: Iterable[float | None]) -> float:
    """Mean of those that were measured."""
    return float(np.mean([value for value in values if value is not None]))


def gain(rows: list[Row], row: Row) -> float | None:
    """What an enlargement adds to the surface error of the same photo, mm; negative is better."""
    if row.variant == OFF or row.surface_mm is None:
        return None
    key = (row.person, row.yaw, row.width, row.method, OFF)
    plain = [r.surface_mm for r in rows if (r.person, r.yaw, r.width, r.method, r.variant) == key]
    return row.surface_mm - plain[0] if plain and plain[0] is not None else None


def summary(rows: list[Row]) -> list[str]:
    """A Markdown table: means over the photos; what enlarging adds to the same photo's error, +- standard error."""
    whats = ("mm", "added", "NME %")
    heads = ["pixels", "enlarged", "found", *(f"{method} {what}" for method in METHODS for what in whats)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for width in WIDTHS:
        for variant in (name for name, (low, high) in TRIED.items() if low <= width <= high):
            cells = [str(width), variant]
            for method in METHODS:
                here = [r for r in rows if (r.width, r.variant, r.method) == (width, variant, method)]
                if not here:
                    cells += [""] * (4 if method == METHODS[0] else 3)
                    continue
                if method == METHODS[0]:
                    cells.append(f"{sum(r.found for r in here)} of {len(here)}")
                added = [g for r in here if (g := gain(rows, r)) is not None]
                cells.append(f"{mean_of(r.surface_mm for r in here if r.found):.2f}")
                spread = np.std(added, ddof=1) / np.sqrt(len(added)) if len(added) > 1 else 0.0
                cells.append(f"{np.mean(added):+.2f} +- {spread:.2f}" if added else "")
                cells.append(f"{mean_of(r.landmark_percent for r in here if r.found):.2f}")
            lines.append("| " + " | ".join(cells) + " |")
    return [*lines, "", *(f"average head, {name}: {value:.2f} mm" for name, value in averages(rows).items())]


def averages(rows: list[Row]) -> dict[str, float]:
    """Mean surface error of the average head, mm."""
    names = dict.fromkeys(r.variant for r in rows if r.method == AVERAGE)
    return {n: mean_of(r.surface_mm for r in rows if (r.method, r.variant) == (AVERAGE, n)) for n in names}


def plot(rows: list[Row]) -> None:
    """Both errors over the width of the face, a column per method."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 7.4), sharex=True, sharey="row", layout="constrained")
    styles = dict(zip(TRIED, ("s-", "v-.", "o-", "^-", "d:")))
    colors = dict(zip(TRIED, ("black", "tab:gray", "tab:orange", "tab:red", "tab:blue")))
    for column, method in enumerate(METHODS):
        for line, error in enumerate(("surface_mm", "landmark_percent")):
            for variant in TRIED:
                chosen = [r for r in rows if (r.method, r.variant) == (method, variant) and r.found]
                widths = np.array(sorted({r.width for r in chosen}))
                values = [np.array([getattr(r, error) for r in chosen if r.width == w]) for w in widths]
                mean = np.array([v.mean() for v in values])
                if variant == OFF:
                    spread = np.array([v.std(ddof=1) / np.sqrt(len(v)) for v in values])
                    axes[line, column].fill_between(widths, mean - spread, mean + spread, color="black", alpha=0.1)
                name = "as it is (--upscale off), band: standard error" if variant == OFF else variant
                axes[line, column].plot(widths, mean, styles[variant], color=colors[variant], label=name, markersize=5)
            axes[line, column].grid(alpha=0.3)
        for (name, value), style in zip(averages(rows).items(), ("--", ":")):
            axes[0, column].axhline(value, color="tab:green", linestyle=style, label=f"average head, {name}")
        axes[0, column].set_title(f"--method {method}")
        axes[1, column].set_xlabel("width of the face in the photo, pixels")
        axes[1, column].set_xscale("log", base=2)
        axes[1, column].set_xticks(WIDTHS, [str(width) for width in WIDTHS], minor=False)
    axes[0, 0].set_ylabel("from the true face to the surface, mm")
    axes[1, 0].set_ylabel("68 landmarks, NME %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=2)
    figure.savefig(PLOT, dpi=100)
    pyplot.close(figure)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--vrn-weights", help="another network than the shipped one")
    parser.add_argument("--plot-only", action="store_true")
    arguments = parser.parse_args()
    options = {
        name: FitOptions(method=name, vrn_weights=arguments.vrn_weights if name == "vrn" else None)
        for name in arguments.methods
    }
    if not arguments.plot_only:
        with RESULTS.open("w", newline="") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Row)])
            writer.writeheader()
            for row in measured(arguments.people, arguments.seed, options):
                rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(row).items()}
                writer.writerow(rounded)
                file.flush()
    rows = read_rows()
    plot(rows)
    sys.stdout.write("\n".join(summary(rows)) + "\n")


if __name__ == "__main__":
    try:
        main()
    except MaquetteError as error:
        sys.exit(str(error))
