"""The protocol that NoW and Feng share: seven landmarks align, the scan is cropped around the nose, and each scan point
measures its distance to the prediction's surface. They differ in the radius.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.job import Progress
from maquette.core.options import Options
from maquette.evaluation.meshes import Shape, read_points, read_shape
from maquette.evaluation.predict import UNITS, Prediction, Predictor, check_unit, read_prediction, score_each
from maquette.evaluation.registration import settle
from maquette.evaluation.shapes import ClosestPoints
from maquette.evaluation.table import Table
from maquette.geometry.alignment import similarity

# Outer and inner corner of the right eye, inner and outer of the left, under the nose, right and left mouth corner:
# entries of the 68 points of iBUG (NoW's own order).
SEVEN = (36, 39, 42, 45, 33, 48, 54)
NOW_FACTOR = 1.4  # Sanyal et al. 2019
FENG_FACTOR = 1.2  # Feng et al. 2018
SETTLE_POINTS = 5000  # of the scan that steer the alignment; all of them are measured
CURVE_POINTS = 10_001  # quantiles kept of millions of distances


def face_region(points: NDArray, seven: NDArray, factor: float) -> NDArray:
    """(N,) bool: scan points within factor * (outer eye distance + nose length) / 2 of the face's centre.

    The centre lies 0.3 of the way from under the nose to the bridge, midway between the inner eye corners.

    Args:
        points: (N, 3); seven: (7, 3), in one unit.
        factor: `NOW_FACTOR` or `FENG_FACTOR`.
    """
    bridge, nose = (seven[1] + seven[2]) / 2, seven[4]
    centre = nose + 0.3 * (bridge - nose)
    radius = factor * (np.linalg.norm(seven[0] - seven[3]) + np.linalg.norm(bridge - nose)) / 2
    return np.linalg.norm(points - centre, axis=1) <= radius


def read_seven(path: Path) -> NDArray:
    """(7, 3) landmarks of a scan; of a .pp the first seven, as NoW's own program takes them.

    Raises:
        BadInput: unreadable, too few, NaN.
    """
    points = read_points(path)
    if len(points) < 7 or (len(points) > 7 and path.suffix != ".pp"):
        raise BadInput(f"{path}: wanted (7, 3) points, got {points.shape}")
    return points[:7]


@dataclass(frozen=True, eq=False)
class ScanErrors:
    """Distances from scan points to a prediction, mm, under one kind of alignment.

    Attributes:
        landmarks: (N,) after the seven landmarks alone: no freedom is spent on the scan.
        refined: (N,) after the least squares motion onto the scan, what the benchmarks report.
    """

    landmarks: NDArray
    refined: NDArray


def scan_errors(
    head: Shape, seven: NDArray, scan: NDArray, scan_seven: NDArray, factor: float, scale: bool
) -> ScanErrors:
    """One prediction against one scan.

    Args:
        head: mm; seven: (7, 3) landmarks on it.
        scan: (N, 3) mm; scan_seven: (7, 3).
        scale: True for the similarity (non-metric) variant, False for the rigid (metric) one.

    Raises:
        BadInput: no scan point in the region, landmarks that fix no pose, a head of another unit.
    """
    face = scan[face_region(scan, scan_seven, factor)]
    if not len(face):
        raise BadInput(f"{head.name}: no scan point lies near the landmarks: are scan and landmarks in one unit?")
    motion = similarity(seven, scan_seven, scale)
    if scale:
        check_unit(motion.scale, head.name)
    placed = head.moved(motion.apply(head.vertices))
    first = ClosestPoints(placed).query(face)[1]
    step = settle(placed, face[:: max(1, len(face) // SETTLE_POINTS)], scale)
    return ScanErrors(first, ClosestPoints(placed.moved(step.apply(placed.vertices))).query(face)[1])


@dataclass(frozen=True)
class ScanItem:
    """One image of a benchmark.

    Attributes:
        name: for messages and rows.
        group: the challenge or subset it belongs to.
        photo: the picture, may be missing when predictions are given.
        scan: file of the ground truth.
        landmarks: file of the scan's seven landmarks.
        stem: path of the prediction below its folder, without suffix.
    """

    name: str
    group: str
    photo: Path | None
    scan: Path
    landmarks: Path
    stem: str


class PredictionSource:
    """Where predictions come from: a folder, or the method itself.

    Args:
        folder: of predictions, STEM.obj (or .ply, .stl, .glb) with STEM.npy, .txt or .pp for the seven landmarks; a
            mesh of maquette's head needs none. None runs the method.
        unit: of the files.
        options: of the method and of how faces are looked for.
    """

    def __init__(self, folder: str | Path | None, unit: str, options: Options | None) -> None:
        self._folder, self._unit = None if folder is None else Path(folder), unit
        if self._folder is not None and not self._folder.is_dir():
            raise BadInput(f"{self._folder}: wanted a folder of predicted meshes, there is none")
        self._predictor = Predictor(options or Options()) if folder is None else None

    def check(self, items: Sequence[ScanItem]) -> None:
        """Refuse at once what would be missed in the middle.

        Raises:
            BadInput: an image without a prediction, or without a photo when the method is to run.
        """
        lacking = [i.name for i in items if (i.photo is None if self._folder is None else self._mesh(i.stem) is None)]
        if lacking and self._folder is None:
            raise BadInput(f"{lacking[0]}: no photo ({len(lacking)} of {len(items)} images): give --predictions")
        if lacking:
            raise BadInput(f"{self._folder}: lacks {len(lacking)} of {len(items)} images (first: {lacking[0]})")

    def predict(self, item: ScanItem) -> Prediction:
        """The prediction for one image."""
        if self._predictor is not None:
            if item.photo is None:
                raise BadInput(f"{item.name}: no photo")
            return self._predictor.predict(item.photo)
        path = self._mesh(item.stem)
        if path is None:
            raise BadInput(f"{self._folder}: lacks {item.name}")
        return read_prediction(path, self._unit)

    def landmarks(
        self, item: ScanItem, prediction: Prediction, wanted: Sequence[int] | None, counts: Sequence[int]
    ) -> NDArray:
        """The landmarks of a prediction's neutral head, mm: of the file beside it, else of the head's own points.

        Args:
            wanted: entries of the 68 points, None for all 68.
            counts: how many points a file may hold.
        """
        path = self._file(item.stem, (".npy", ".txt", ".pp"))
        if path is not None:
            points = read_points(path)
            if len(points) not in counts:
                raise BadInput(f"{path}: wanted {' or '.join(map(str, counts))} landmarks, got {len(points)}")
            return points * UNITS[self._unit]
        if "ibug68" not in prediction.neutral_landmarks:
            raise BadInput(f"{prediction.head.name}: no landmarks beside it ({item.stem}.npy, .txt or .pp)")
        points = prediction.neutral_landmarks["ibug68"]
        return points if wanted is None else points[list(wanted)]

    def _mesh(self, stem: str) -> Path | None:
        return self._file(stem, (".obj", ".ply", ".stl", ".glb"))

    def _file(self, stem: str, suffixes: Sequence[str]) -> Path | None:
        """The first file of this stem in the folder of predictions, if there is a folder and a file."""
        if self._folder is None:
            return None
        paths = (self._folder / f"{stem}{suffix}" for suffix in suffixes)
        return next((path for path in paths if path.is_file()), None)


def quantiles(distances: NDArray) -> NDArray:
    """The distribution of many distances by `CURVE_POINTS` quantiles; few are returned as they are, sorted."""
    values = np.sort(np.asarray(distances, float))
    if len(values) <= CURVE_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, CURVE_POINTS).round().astype(int)]


def score_items(
    items: Sequence[ScanItem], source: PredictionSource, factor: float, progress: Progress
) -> tuple[dict[str, dict[str, ScanErrors]], list[str]]:
    """Errors per image: name -> {"similarity", "metric"} -> ScanErrors, and the images without a face."""
    # Images of one subject follow each other: one scan stays in memory.
    read = lru_cache(maxsize=1)(read_shape)

    def measure(item: ScanItem, prediction: Prediction) -> dict[str, ScanErrors]:
        truth, scan = read_seven(item.landmarks), read(item.scan).vertices
        seven = source.landmarks(item, prediction, SEVEN, (7,))
        kinds = {"similarity": True, "metric": False}
        return {k: scan_errors(prediction.neutral, seven, scan, truth, factor, free) for k, free in kinds.items()}

    source.check(items)
    return score_each(items, source.predict, measure, "scan to mesh", progress)


def pooled_table(
    title: str, factor: float, items: Sequence[ScanItem], source: PredictionSource, progress: Progress
) -> Table:
    """Score a benchmark that has this protocol.

    Args:
        title: the benchmark and the data ("NoW on FOLDER").
        factor: `NOW_FACTOR` or `FENG_FACTOR`.

    Raises:
        BadInput: a missing prediction; a scan, landmarks or a mesh that cannot be scored.
    """
    found, failures = score_items(items, source, factor, progress)
    rows, curves = pooled_rows(items, found)
    crop = f"crop ({factor} * (outer eyes + nose) / 2)"
    notes = [f"{title.split()[0]} protocol: seven landmarks, {crop}, then least squares on the scan", *POOLED_NOTES]
    if failures:
        notes.append(f"{len(failures)} of {len(items)} images gave no face and are left out: not a full score")
    return Table(title, POOLED_COLUMNS, tuple(rows), tuple(notes), curves, "mm")


def pooled_rows(
    items: Sequence[ScanItem], found: Mapping[str, Mapping[str, ScanErrors]]
) -> tuple[list[tuple[str | float | None, ...]], dict[str, NDArray]]:
    """One row per group and kind of alignment over all scan points of its images, and the curves of all."""
    groups = [*dict.fromkeys(item.group for item in items)]
    rows: list[tuple[str | float | None, ...]] = []
    curves = {}
    for group in [*groups, "all"] if len(groups) > 1 else ["all"]:
        mine = [item.name for item in items if group in ("all", item.group)]
        names = [name for name in mine if name in found]
        for kind in ("similarity", "metric"):
            if not names:
                rows.append((group, kind, len(mine), 0, *[None] * 5))
                continue
            refined = np.concatenate([found[name][kind].refined for name in names])
            first = np.concatenate([found[name][kind].landmarks for name in names])
            values = [np.median(refined), refined.mean(), refined.std(), np.sqrt((refined**2).mean()), np.median(first)]
            rows.append((group, kind, len(mine), len(names), *map(float, values)))
            if group == "all":
                curves[kind] = quantiles(refined)
    return rows, curves


POOLED_COLUMNS = (
    *("images", "alignment", "n", "found", "median mm", "mean mm", "std mm", "3D-RMSE mm"),
    "landmarks only, median mm",
)
POOLED_NOTES = (
    "similarity: rotation, shift and scale are free; metric: the scale is the prediction's own",
    "all scan points of all images are pooled; curves are drawn from 10,001 quantiles",
    "landmarks only: aligned on the seven landmarks without refinement on the scan, which can slide errors away",
)
