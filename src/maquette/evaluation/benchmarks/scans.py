"""Heads against scans with MediaPipe's landmarks: `maquette evaluate scans FOLDER`.

After Feng et al. 2018, by four estimators: nearest points after ICP (similarity and rigid), nearest points after the
landmarks alone, and points at which the bent scan lands. ICP alone can rank methods wrongly: among 16 estimators it
followed the true error worst (M3DFB, arXiv 2505.18025).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, NothingFound
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.arrays import read_npz
from maquette.evaluation.benchmarks.seven_landmarks import FENG_FACTOR, quantiles
from maquette.evaluation.meshes import Shape
from maquette.evaluation.parity import parity_tables, read_facts
from maquette.evaluation.predict import (
    Prediction,
    Predictor,
    average_head,
    check_unit,
    front,
    read_prediction,
    surface_landmarks,
)
from maquette.evaluation.registration import align_robustly, correspondences, icp, neighbour_edges
from maquette.evaluation.shapes import ClosestPoints
from maquette.evaluation.table import Table
from maquette.geometry.alignment import Similarity

LANDMARKS = 468  # MediaPipe's mesh without the irises
NOSE_BOTTOM, BRIDGE, RIGHT_EYE, LEFT_EYE = 2, 168, 33, 263  # of them; the eyes' outer corners
LEAST_OUTLIER = 12.0  # mm, a landmark nearer than this is never dropped
KEEP, ROUNDS, ICP_POINTS = 0.95, 25, 1500  # of the trimmed ICP
BENT_POINTS = 2000  # of the scan that are bent onto the head
VIEW = re.compile(r"_([+-]\d+)_([+-]\d+)$")  # yaw and pitch in a photo's name, degrees
# Landmarks that lie firmly on skin; lips, lids and the outline slide.
ANCHORS = (33, 133, 362, 263, 168, 6, 4, 2, 98, 327, 61, 291, 55, 285, 70, 300)


@dataclass(frozen=True, eq=False)
class Scan:
    """One scanned person.

    Attributes:
        points: (N, 3) mm, the scan inside Feng's radius.
        landmarks: (468, 3) mm, NaN where unknown.
        name: of the person.
    """

    points: NDArray
    landmarks: NDArray
    name: str


def read_scan(path: Path) -> Scan:
    """One gt/NAME.npz with `scan` (N, 3) and `lm` (468, 3), mm.

    Raises:
        BadInput: unreadable, a missing array, a wrong shape, NaN in the scan or in the landmarks that place it.
    """
    arrays = read_npz(path)
    lacking = [name for name in ("scan", "lm") if name not in arrays]
    if lacking:
        raise BadInput(f"{path}: the array {lacking[0]} is missing; it holds {', '.join(arrays) or 'nothing'}")
    try:
        points, landmarks = (np.asarray(arrays[name], np.float64) for name in ("scan", "lm"))
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: scan and lm: wanted numbers ({error})") from error
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise BadInput(f"{path}: scan: wanted finite (N, 3) millimetres, got {points.shape}")
    if landmarks.shape != (LANDMARKS, 3):
        raise BadInput(f"{path}: lm: wanted ({LANDMARKS}, 3), got {landmarks.shape}")
    key = landmarks[[NOSE_BOTTOM, BRIDGE, RIGHT_EYE, LEFT_EYE]]
    if not np.isfinite(key).all() or np.isfinite(landmarks).all(axis=1).sum() < 30:
        raise BadInput(f"{path}: lm: too many landmarks are NaN, wanted nose, bridge and eyes at least")
    nose, bridge, right, left = key
    centre = nose + 0.3 * (bridge - nose)
    radius = FENG_FACTOR * (np.linalg.norm(right - left) + np.linalg.norm(bridge - nose)) / 2
    face = points[np.linalg.norm(points - centre, axis=1) < radius]
    if not len(face):
        raise BadInput(f"{path}: no scan point lies near the landmarks: are both in millimetres?")
    return Scan(face, landmarks, path.stem)


def read_set(folder: str | Path) -> dict[Path, Scan]:
    """photos/NAME_VIEW.png -> the scan gt/NAME.npz.

    Raises:
        BadInput: no photos, or a photo without its scan.
    """
    folder = Path(folder)
    photos = sorted(p for p in (folder / "photos").glob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not photos:
        raise BadInput(f"{folder}: wanted photos/NAME_VIEW.png and gt/NAME.npz, there is no photo")
    scans: dict[str, Scan] = {}
    for name in dict.fromkeys(p.stem.split("_")[0] for p in photos):
        path = folder / "gt" / f"{name}.npz"
        if not path.is_file():
            raise BadInput(f"{path}: no such scan, wanted for the photos {name}_*")
        scans[name] = read_scan(path)
    return {photo: scans[photo.stem.split("_")[0]] for photo in photos}


@dataclass(frozen=True, eq=False)
class HeadErrors:
    """One head against one scan, mm; arrays over scan points.

    Attributes:
        similarity: nearest points after trimmed ICP with free scale, the score of the task.
        metric: the same with the head's own scale.
        landmarks_only: nearest points, similarity on landmarks, no ICP.
        bent: points at which the scan bent onto the head lands.
        landmarks: (K,) distances of corresponding landmarks after the similarity on them.
    """

    similarity: NDArray
    metric: NDArray
    landmarks_only: NDArray
    bent: NDArray
    landmarks: NDArray


def head_errors(head: Shape, landmarks: NDArray, scan: Scan) -> HeadErrors:
    """Measure one head.

    Args:
        head: mm; landmarks: (468, 3) mm on it, NaN where unknown.

    Raises:
        BadInput: landmarks that fix no pose, a head of another unit.
    """
    start = align_robustly(landmarks, scan.landmarks, True, LEAST_OUTLIER)
    check_unit(start.scale, head.name)
    step = _trimmed_icp(head, start, scan, True)
    rigid = align_robustly(landmarks, scan.landmarks, False, LEAST_OUTLIER)
    metric = _moved(_moved(head, rigid), _trimmed_icp(head, rigid, scan, False))
    placed = _moved(head, start)
    best = _moved(placed, step)
    known = np.isfinite(landmarks).all(axis=1) & np.isfinite(scan.landmarks).all(axis=1)
    gaps = np.linalg.norm(start.apply(landmarks[known]) - scan.landmarks[known], axis=1)
    return HeadErrors(
        ClosestPoints(best).query(scan.points)[1],
        ClosestPoints(metric).query(scan.points)[1],
        ClosestPoints(placed).query(scan.points)[1],
        _bent(best, step.after(start).apply(landmarks[list(ANCHORS)]), scan),
        gaps[gaps < max(LEAST_OUTLIER, 3 * float(np.median(gaps)))],
    )


def _trimmed_icp(head: Shape, start: Similarity, scan: Scan, scale: bool) -> Similarity:
    """The motion that brings a head onto the scan, from where its landmarks have laid it."""
    sample = scan.points[:: max(1, len(scan.points) // ICP_POINTS)]
    return icp(_moved(head, start), sample, scale, KEEP, ROUNDS, tolerance=0.0)


def _moved(shape: Shape, motion: Similarity) -> Shape:
    return shape.moved(motion.apply(shape.vertices))


def _bent(head: Shape, anchors: NDArray, scan: Scan) -> NDArray:
    """Distances between scan points and where they land on the head."""
    points = scan.points[:: max(1, len(scan.points) // BENT_POINTS)]
    wanted = scan.landmarks[list(ANCHORS)]
    known = np.isfinite(anchors).all(axis=1) & np.isfinite(wanted).all(axis=1)
    # Landmarks become points of their own, so that they need not coincide with a scan point.
    graph = np.concatenate([points, wanted[known]])
    indices = len(points) + np.arange(int(known.sum()))
    landed = correspondences(graph, neighbour_edges(graph), head, (indices, anchors[known]))
    return np.linalg.norm(landed - graph, axis=1)[: len(points)]


def evaluate_scans(
    folder: str | Path,
    predictions: str | Path | None = None,
    unit: str = "m",
    facts: str | Path | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """Median scan-to-mesh distance of every photo's head, beside the average head's.

    Args:
        folder: photos/NAME_VIEW.png and gt/NAME.npz.
        predictions: PHOTO.obj or PHOTO/**/head.obj per photo; None runs the method (with `options.fit.together`, once
            per person on all photos).
        unit: of the predictions; it matters to the metric column only.
        facts: CSV of facts per photo for parity tables.
        options: of the method and of how faces are looked for.
        progress: called with each photo's name.

    Raises:
        BadInput: see `read_set`; a missing prediction, a mesh that cannot be scored.
    """
    options = options or Options()
    heads = _heads(read_set(folder), options.fit.together)
    files = {} if predictions is None else _find(Path(predictions), list(heads))
    predictor = Predictor(options) if predictions is None else None
    average, failures = average_head(), []
    base: dict[str, HeadErrors] = {}
    ours: dict[str, HeadErrors] = {}
    for name, (photos, scan) in heads.items():
        if scan.name not in base:
            progress(name, "average head")
            base[scan.name] = _measure(average, scan)
        progress(name, "scan to mesh")
        try:
            head = read_prediction(files[name], unit) if predictor is None else predictor.predict(*photos)
            ours[name] = _measure(head, scan)
        except NothingFound as error:
            failures.append(str(error))
    if not ours:
        raise BadInput(f"{folder}: no photo gave a head ({len(heads)} tried; first: {failures[0]})")
    whose = {name: base[heads[name][1].name] for name in ours}
    if failures:
        failures = [f"{len(failures)} of {len(heads)} photos gave no face and are left out", *failures[:10]]
    return _table(Path(folder).name, ours, whose, failures, facts)


def _heads(photos: Mapping[Path, Scan], together: bool) -> dict[str, tuple[list[Path], Scan]]:
    """Row name -> the photos of one head and its scan: each photo by itself, or all of a person."""
    found: dict[str, tuple[list[Path], Scan]] = {}
    for photo, scan in photos.items():
        found.setdefault(scan.name if together else photo.stem, ([], scan))[0].append(photo)
    return found


def _measure(prediction: Prediction, scan: Scan) -> HeadErrors:
    from maquette import morphable

    head = front(prediction.head, morphable.load("maquette-head"))
    found = prediction.landmarks.get("mediapipe478")
    points = surface_landmarks(prediction.head) if found is None else found[:LANDMARKS]
    return head_errors(head, points, scan)


def _find(folder: Path, names: list[str]) -> dict[str, Path]:
    """PHOTO.obj or the first PHOTO/**/head.obj of each photo."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder of predicted heads, there is none")
    found = {}
    for name in names:
        paths = [folder / f"{name}.obj", *sorted((folder / name).rglob("head.obj"))]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            found[name] = path
    lacking = [name for name in names if name not in found]
    if lacking:
        raise BadInput(f"{folder}: lacks {len(lacking)} of {len(names)} photos (first: {lacking[0]}.obj)")
    return found


def _row(name: str, errors: HeadErrors, base: HeadErrors) -> tuple[Any, ...]:
    median, average = float(np.median(errors.similarity)), float(np.median(base.similarity))
    rest = (errors.metric, errors.landmarks_only, errors.bent, errors.landmarks)
    return (
        name,
        median,
        average,
        median / average,
        float(errors.similarity.mean()),
        *(float(np.median(e)) for e in rest),
    )


def _table(
    folder: str,
    ours: Mapping[str, HeadErrors],
    base: Mapping[str, HeadErrors],
    failures: list[str],
    facts: str | Path | None,
) -> Table:
    """A row per head, their mean, and the average head's."""
    rows = [_row(name, ours[name], base[name]) for name in ours]
    for label, lines in (("mean", rows[:]), ("average head", [_row(name, base[name], base[name]) for name in ours])):
        means = np.array([line[1:] for line in lines], float).mean(axis=0)
        # The ratio of the means, as the goal is stated, not the mean of ratios.
        means[2] = means[0] / means[1]
        rows.append((label, *means.tolist()))
    columns = (
        *("photo", "median mm", "average head mm", "ratio", "mean mm", "metric median mm"),
        *("landmarks only, median mm", "bent median mm", "landmarks mm"),
    )
    medians = [row[1] for row in rows[: len(ours)]]
    notes = [
        f"nearer than the average head on {sum(row[1] < row[2] for row in rows[: len(ours)])} of {len(ours)} photos",
        f"median, mean: nearest points after {ROUNDS} rounds of ICP with free scale, inside 1.2 * (eyes + nose) / 2",
        "metric: the same at the head's own size; landmarks only: without ICP; landmarks: of corresponding landmarks",
        "bent: distance to where the scan lands when bent onto the head; it counts sliding, which ICP hides",
        *failures,
    ]
    curves = {
        "reconstructed": quantiles(np.concatenate([errors.similarity for errors in ours.values()])),
        "average head": quantiles(np.concatenate([base[name].similarity for name in ours])),
    }
    views = [view for name in ours if (view := VIEW.search(name))]
    known = {"yaw": [float(view[1]) for view in views]} if len(views) == len(ours) else {}
    more = parity_tables(medians, read_facts(facts, list(ours)) if facts else known, "mm")
    return Table(f"heads against {folder}", columns, tuple(rows), tuple(notes), curves, "mm", more)
