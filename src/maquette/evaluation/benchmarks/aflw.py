"""AFLW2000-3D and 300W-LP: photos with a .mat beside each, and the task `maquette evaluate landmarks`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, MaquetteError
from maquette.core.files import READER_ERRORS
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.arrays import read_npz, reason_of
from maquette.evaluation.landmarks import AUC_REACH, FAILURE, nme, summary
from maquette.evaluation.parity import exposure, parity_tables, read_facts, yaw_bin
from maquette.evaluation.table import Table

MOST_BYTES = 64_000_000  # of one .mat; those of both sets are below 2 MB
MOST_NUMBERS = 1_000_000  # of one variable that is read
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Annotation:
    """One annotated photo.

    Attributes:
        name: stem of the files.
        photo: the picture, or None where only the .mat is there.
        points: (68, 3) or (68, 2) pixels, ours (centre of the first pixel 0.5), depth larger towards the viewer.
        yaw: degrees, or None.
        source: the variable the points came from.
    """

    name: str
    photo: Path | None
    points: NDArray
    yaw: float | None
    source: str


def read_annotation(path: Path) -> Annotation:
    """One .mat of AFLW2000-3D (`pt3d_68`) or 300W-LP (`pts_3d` of landmarks/SET/NAME_pts.mat, else `pt2d`).

    Points are MATLAB's, counted from 1 at the first pixel's centre; `Pose_Para` is pitch, yaw, roll in radians.

    Raises:
        BadInput: not a .mat, no known landmarks in it (with what it holds), a wrong shape, NaN.
    """
    tables = _variables(path, ("pt3d_68", "pt2d", "Pose_Para"))
    beside = path.parent.parent / "landmarks" / path.parent.name / f"{path.stem}_pts.mat"
    source = "pt3d_68"
    points = tables.get("pt3d_68")
    if points is None and beside.is_file():
        source, points = "pts_3d", _variables(beside, ("pts_3d",)).get("pts_3d")
    if points is None and "pt2d" in tables and tables["pt2d"].shape in ((2, 68), (68, 2)):
        source, points = "pt2d", tables["pt2d"]
    if points is None:
        held = ", ".join(sorted(_names(path))) or "nothing"
        raise BadInput(f"{path}: the column pt3d_68 (or pt2d of 68 points) is missing; it holds {held}")
    points = np.asarray(points, np.float64)
    points = points.T if points.ndim == 2 and points.shape[0] in (2, 3) else points
    if points.shape not in ((68, 2), (68, 3)):
        raise BadInput(f"{path}: {source}: wanted 68 points of 2 or 3 coordinates, got {points.shape}")
    if not np.isfinite(points).all():
        raise BadInput(f"{path}: {source}: holds NaN or infinity, wanted finite pixels")
    pose = tables.get("Pose_Para")
    yaw = None if pose is None or np.size(pose) < 3 else float(np.degrees(np.ravel(pose)[1]))
    shift = np.array([0.5, 0.5, 0.0])[: points.shape[1]]
    photo = next((p for s in PHOTO_SUFFIXES if (p := path.with_suffix(s)).is_file()), None)
    return Annotation(path.stem, photo, points - shift, yaw, source)


def read_set(folder: str | Path) -> list[Annotation]:
    """All annotations of a folder and its subfolders, by name.

    Raises:
        BadInput: no such folder, no .mat in it, two of one name, mixed kinds of landmarks.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder with .mat files (AFLW2000-3D, 300W-LP), there is none")
    paths = sorted(p for p in folder.rglob("*.mat") if not p.stem.endswith("_pts"))
    if not paths:
        raise BadInput(f"{folder}: holds no .mat file, wanted AFLW2000-3D or 300W-LP as published")
    rows = [read_annotation(path) for path in paths]
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise BadInput(f"{folder}: {twice[0]} occurs in several subfolders: give one of them")
    kinds = {row.source for row in rows}
    if len(kinds) > 1:
        raise BadInput(f"{folder}: landmarks of different kinds ({', '.join(sorted(kinds))}): one score would mix them")
    return rows


def read_predictions(path: str | Path, names: list[str]) -> dict[str, NDArray]:
    """Predicted landmarks by image stem from .npz (one array per stem) or .json (lists); (68, 2) or (68, 3) pixels.

    Raises:
        BadInput: unreadable, images without a prediction or predictions without an image.
    """
    path = Path(path)
    try:
        stored = json.loads(path.read_text("utf-8")) if path.suffix == ".json" else read_npz(path)
        table = {name: np.asarray(rows, np.float64) for name, rows in stored.items()}
    except READER_ERRORS as error:
        reason = f"wanted .npz or .json of landmarks by image name, could not read it ({reason_of(error)})"
        raise BadInput(f"{path}: {reason}") from error
    table = {Path(name).stem if Path(name).suffix in PHOTO_SUFFIXES else name: rows for name, rows in table.items()}
    lacking, extra = [n for n in names if n not in table], [n for n in table if n not in set(names)]
    if lacking:
        raise BadInput(f"{path}: lacks {len(lacking)} of {len(names)} images (first: {lacking[0]})")
    if extra:
        raise BadInput(f"{path}: names {len(extra)} images that the set has not (first: {extra[0]})")
    for name, rows in table.items():
        if rows.shape not in ((68, 2), (68, 3)):
            raise BadInput(f"{path}: {name}: wanted 68 landmarks of 2 or 3 coordinates, got {rows.shape}")
        if not np.isfinite(rows).all():
            raise BadInput(f"{path}: {name}: landmarks hold NaN or infinity, wanted finite pixels")
    return table


def evaluate_landmarks(
    folder: str | Path,
    predictions: str | Path | None = None,
    facts: str | Path | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """NME of 68 landmarks on AFLW2000-3D or 300W-LP, by yaw.

    Args:
        folder: the set.
        predictions: landmarks to score; None runs the method on every photo.
        facts: CSV of facts per image for parity tables.
        options: of the method and of how faces are looked for.
        progress: called with each image's name.

    Raises:
        BadInput: see `read_set`, `read_predictions`; a photo missing when the method is to run.
    """
    rows = read_set(folder)
    if predictions is not None:
        found: Mapping[str, NDArray | None] = read_predictions(predictions, [row.name for row in rows])
        failures: list[str] = []
    else:
        found, failures = _predict(rows, options or Options(), progress)
    flat = np.array([_error(row, found[row.name], 2, "box") for row in rows])
    eyes = np.array([_error(row, found[row.name], 2, "interocular") for row in rows])
    deep = [p.shape[1] == 3 for p in found.values() if p is not None]
    spatial = None
    if all(row.points.shape[1] == 3 for row in rows) and deep and all(deep):
        spatial = np.array([_error(row, found[row.name], 3, "box") for row in rows])
    return _tables(Path(folder), rows, NormalisedErrors(flat, eyes, spatial), failures, facts)


@dataclass(frozen=True, eq=False)
class NormalisedErrors:
    """NME of all images, (n,) each, infinity without a face: by the box, by the eyes, and with depth or None."""

    flat: NDArray
    eyes: NDArray
    spatial: NDArray | None


def _tables(
    folder: Path, rows: list[Annotation], errors: NormalisedErrors, failures: list[str], facts: str | Path | None
) -> Table:
    """The main table by yaw, with parity below."""
    flat, eyes, spatial = errors.flat, errors.eyes, errors.spatial
    bins = np.array(["yaw unknown" if row.yaw is None else yaw_bin(row.yaw) for row in rows])
    groups = {name: bins == name for name in sorted(set(bins))}
    lines, curves = [], {}
    for name, mask in {**groups, "all": np.ones(len(rows), bool)}.items():
        facts_of = summary(flat[mask])
        lines.append((name, *facts_of.values(), _mean(eyes[mask]), None if spatial is None else _mean(spatial[mask])))
        curves[name] = flat[mask][np.isfinite(flat[mask])]
    balanced = [line[3] for line in lines[:-1]]
    full = None if None in balanced else float(np.mean(balanced))
    lines.append(("mean of the bins", len(rows), lines[-1][2], full, None, None, None, None, None))
    columns = (
        *("yaw", "n", "found", "NME %", "median %", f"AUC to {AUC_REACH:g}", f"failures above {FAILURE:g} %"),
        *("NME % of eye distance", "NME 3D %"),
    )
    notes = [
        f"NME: mean distance of 68 points ({rows[0].source}) over sqrt(width * height) of the true points' box",
        "NME % of eye distance: over the distance of the outer eye corners in the picture",
        "NME 3D: with depth, both at mean depth 0",
    ]
    if failures:
        notes.append(f"{len(failures)} images gave no face; they count in AUC and failures, not in the means")
        notes += failures[:10]
    finite = np.isfinite(flat)
    known: dict[str, list[float]] = {}
    photos = [row.photo for row in rows if row.photo is not None]
    if facts is not None:
        known = read_facts(facts, [row.name for row in rows])
    elif len(photos) == len(rows):
        known = {"exposure": [_exposure(photo, row.points) for photo, row in zip(photos, rows)]}
    kept = {fact: list(np.array(values)[finite]) for fact, values in known.items()}
    more = parity_tables(list(100 * flat[finite]), kept, "NME %") if finite.any() else ()
    return Table(f"landmarks on {folder.name}", columns, tuple(lines), tuple(notes), curves, "NME", more)


def _mean(errors: NDArray) -> float | None:
    found = errors[np.isfinite(errors)]
    return 100 * float(found.mean()) if len(found) else None


def _error(row: Annotation, prediction: NDArray | None, axes: int, normaliser: str) -> float:
    if prediction is None:
        return np.inf
    return nme(prediction[:, :axes], row.points[:, :axes], normaliser, row.name)


def _exposure(photo: Path, points: NDArray) -> float:
    from maquette.sources import photos

    return exposure(photos.read(photo).pixels, _box(points))


def _box(points: NDArray) -> NDArray:
    """(4,) x0, y0, x1, y1 pixels around landmarks."""
    return np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])


def _predict(
    rows: list[Annotation], options: Options, progress: Progress
) -> tuple[dict[str, NDArray | None], list[str]]:
    """The method's landmarks per image, None where it found no face, and why."""
    from maquette.evaluation.predict import Predictor

    photos = {row.name: row.photo for row in rows if row.photo is not None}
    without = [row.name for row in rows if row.name not in photos]
    if without:
        raise BadInput(f"{without[0]}: no photo beside the .mat ({len(without)} of {len(rows)}): give --predictions")
    predictor, failures = Predictor(options), []
    found: dict[str, NDArray | None] = {}
    for row in rows:
        progress(row.name, "landmarks")
        try:
            found[row.name] = predictor.predict(photos[row.name], box=_box(row.points)).pixels
        except MaquetteError as error:
            found[row.name] = None
            failures.append(str(error))
    return found, failures


def _names(path: Path) -> list[str]:
    from scipy.io import whosmat

    return [name for name, _, _ in whosmat(path)]


def _variables(path: Path, names: tuple[str, ...]) -> dict[str, NDArray]:
    """The wanted numeric variables of a .mat that are there; sizes are looked at before anything is read."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    errors: tuple[type[Exception], ...] = (*READER_ERRORS, MatReadError)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadInput(f"{path}: {size / 1e6:.0f} MB, wanted a .mat below {MOST_BYTES / 1e6:.0f} MB")
        heads = {name: shape for name, shape, _ in whosmat(path) if name in names}
        for name, shape in heads.items():
            if np.prod(shape, dtype=float) > MOST_NUMBERS:
                raise BadInput(f"{path}: {name}: {shape} is too large, wanted 68 points")
        tables = loadmat(path, variable_names=list(heads)) if heads else {}
    except errors as error:
        raise BadInput(f"{path}: not a readable MATLAB 5 file ({reason_of(error)}): copy it again") from error
    wrong = [name for name in heads if np.asarray(tables.get(name)).dtype.kind not in "fiu"]
    if wrong:
        raise BadInput(f"{path}: {wrong[0]}: wanted numbers, got {np.asarray(tables.get(wrong[0])).dtype}")
    return {name: np.asarray(tables[name], np.float64) for name in heads}
