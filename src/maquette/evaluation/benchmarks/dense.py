"""Faces against true meshes in the photo's pixels: `maquette evaluate dense FOLDER`.

The protocol of VRN (Jackson et al. 2017, section 5): the normalised mean error of all vertices of the face mask,

    NME = 1 / K sum_k ||x_k - y_k|| / d,

d the distance of the outer eye corners in space, y_k the prediction's point that rigid ICP finds for the true vertex
x_k. The motion of ICP serves to find it and is then discarded ("no alignment"), or kept ("with rigid ICP").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.benchmarks.dense_truth import DenseItem, Truth, TruthReader, read_set
from maquette.evaluation.meshes import Shape, read_shape
from maquette.evaluation.parity import parity_tables, read_facts
from maquette.evaluation.predict import Predictor, same_topology, score_each
from maquette.evaluation.registration import settle
from maquette.evaluation.shapes import ClosestPoints
from maquette.evaluation.table import Table
from maquette.morphable.model import MorphableModel

PROTOCOLS = ("no alignment", "with rigid ICP", "no alignment, corresponding vertices")
THRESHOLDS = np.arange(101) / 1000  # of the cumulative curve
YAWS = (-80, -40, 0, 40, 80)  # degrees, the views of the Florence renders; a photo counts to the nearest
STEER_POINTS = 3000  # of the truth that steer ICP; all of them are measured
CELL = 0.1  # of d, side of the squares in which two front surfaces are compared
PREDICTION_SUFFIXES = (".obj", ".ply", ".stl", ".glb")


@dataclass(frozen=True, eq=False)
class DenseError:
    """NME of one face.

    Attributes:
        unaligned: with the motion of ICP discarded. aligned: with it.
        count: K, vertices measured.
        corresponding: to the very vertices, without ICP; None where nobody knows which they are.
    """

    unaligned: float
    aligned: float
    count: int
    corresponding: float | None = None


def dense_error(face: Shape, truth: Truth) -> DenseError:
    """NME of one face by both protocols.

    Depth has no origin in a picture: it is moved to the same mean over corresponding points where nothing else aligns.

    Args:
        face: in the truth's pixels; its vertices need not correspond to the truth's.

    Raises:
        BadInput: the prediction lies beside the face: it is not in pixels of the photo.
    """
    low, high = face.vertices[:, :2].min(axis=0), face.vertices[:, :2].max(axis=0)
    overlap = np.minimum(high, truth.box[2:]) - np.maximum(low, truth.box[:2])
    if (overlap < 0.25 * (truth.box[2:] - truth.box[:2])).any():
        extent = f"x {low[0]:.4g} to {high[0]:.4g}, y {low[1]:.4g} to {high[1]:.4g}"
        raise BadInput(f"{face.name}: does not cover the face: wanted pixels of the photo, got {extent}")
    shift = np.array([0, 0, depth_gap(face.vertices, truth.points, CELL * truth.interocular)])
    near = face.moved(face.vertices + shift)
    motion = settle(near, truth.points[:: max(1, len(truth.points) // STEER_POINTS)], scale=False)
    placed = near.moved(motion.apply(near.vertices))
    closest = ClosestPoints(placed).query(truth.points)[0]
    still, moved = motion.inverse().apply(closest), float(np.linalg.norm(closest - truth.points, axis=1).mean())
    return DenseError(_error(still, truth), moved / truth.interocular, len(closest))


def _error(points: NDArray, truth: Truth) -> float:
    """NME of (M, 3) points, both depths at one mean."""
    gaps = points - truth.points
    gaps[:, 2] -= gaps[:, 2].mean()
    return float(np.linalg.norm(gaps, axis=1).mean()) / truth.interocular


def depth_gap(source: NDArray, target: NDArray, cell: float) -> float:
    """How far (N, 3) points lie behind others: the median over squares of the picture of their foremost points.

    Args:
        cell: side of the squares, pixels.
    """
    origin = np.minimum(source[:, :2].min(axis=0), target[:, :2].min(axis=0))
    fronts = []
    for points in (source, target):
        column, row = np.floor((points[:, :2] - origin) / cell).astype(np.int64).T
        order = np.argsort(points[:, 2], kind="stable")  # the foremost comes last and stays
        fronts.append(dict(zip(zip(column[order].tolist(), row[order].tolist()), points[order, 2].tolist())))
    shared = fronts[0].keys() & fronts[1].keys()
    if not shared:
        return float(target[:, 2].mean() - source[:, 2].mean())
    return float(np.median([fronts[1][square] - fronts[0][square] for square in shared]))


def face_part(head: Shape, model: MorphableModel) -> Shape:
    """The face and eyes of a mesh of the model's topology; another mesh as it is."""
    if not same_topology(head, model):
        return head
    inside = (model.regions["face"] > 0)[model.faces].all(axis=1)
    for part in ("eyeLeft", "eyeRight"):
        inside[model.parts[part]] = True
    used, faces = np.unique(model.faces[inside], return_inverse=True)
    return Shape(head.vertices[used], faces.reshape(-1, 3), head.name)


def evaluate_dense(
    folder: str | Path,
    predictions: str | Path | None = None,
    facts: str | Path | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """NME of whole faces, with and without rigid ICP, by yaw and expression.

    Args:
        folder: NAME.jpg with NAME.npz (`vertices` (V, 3) pixels; optional `mask`, `eyes`, `landmarks`, `yaw`,
            `expression`), NAME.obj or NAME.ply, and topology.npz for what all share; or a folder of `maquette synth`.
        predictions: NAME.obj, .ply, .stl or .glb in pixels of the photo; None runs the method.
        facts: CSV of facts per photo for parity tables.
        options: of the method and of how faces are looked for.
        progress: called with each photo's name.

    Raises:
        BadInput: see `read_set` and `TruthReader`; a missing photo or prediction, a mesh that cannot be scored.
    """
    from maquette import morphable

    items, options = read_set(folder), options or Options()
    files = {} if predictions is None else _find(Path(predictions), items)
    without = [item.name for item in items if item.photo is None]
    if predictions is None and without:
        raise BadInput(f"{without[0]}: no photo beside it ({len(without)} of {len(items)}): give --predictions")
    predictor = Predictor(options) if predictions is None else None
    model, reader = morphable.load("maquette-head"), TruthReader(folder)
    truths: dict[str, Truth] = {}

    def predict(item: DenseItem) -> Shape:
        truth = truths[item.name] = reader.read(item)
        if predictor is None or item.photo is None:
            return read_shape(files[item.name])
        head = predictor.predict(item.photo, box=truth.box).in_photo
        assert head is not None, "a reconstruction lies in its photo"
        return head

    def measure(item: DenseItem, head: Shape) -> DenseError:
        truth = truths[item.name]
        error, known = dense_error(face_part(head, model), truth), truth.model_vertices
        if known is None or not same_topology(head, model):
            return error
        return replace(error, corresponding=_error(head.vertices[known], truth))

    found, failures = score_each(items, predict, measure, "dense", progress)
    known_facts = read_facts(facts, list(found)) if facts else {}
    who = options.fit.method if predictions is None else Path(predictions).name
    return _table(f"dense NME of {who} on {Path(folder).name}", found, truths, failures, known_facts)


def _find(folder: Path, items: Sequence[DenseItem]) -> dict[str, Path]:
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder of predicted meshes, there is none")
    found = {}
    for item in items:
        paths = (folder / f"{item.name}{suffix}" for suffix in PREDICTION_SUFFIXES)
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            found[item.name] = path
    lacking = [item.name for item in items if item.name not in found]
    if lacking:
        raise BadInput(f"{folder}: lacks {len(lacking)} of {len(items)} images (first: {lacking[0]}.obj)")
    return found


def _table(
    title: str,
    found: Mapping[str, DenseError],
    truths: Mapping[str, Truth],
    failures: Sequence[str],
    facts: Mapping[str, Sequence[float]],
) -> Table:
    """A row per protocol; below it means by yaw, expression and facts."""
    errors = np.array([[one.unaligned, one.aligned, one.corresponding] for one in found.values()], float)
    errors = errors[:, np.isfinite(errors).all(axis=0)]
    rows = []
    for name, values in zip(PROTOCOLS, errors.T):
        shares = [100 * float((values < limit).sum()) / len(truths) for limit in (0.05, 0.10)]
        rows.append((name, len(truths), len(found), 100 * values.mean(), 100 * float(np.median(values)), *shares))
    counts = sorted({one.count for one in found.values()})
    notes = [
        "mean distance of the face's vertices over the 3D distance of the outer eye corners (iBUG 37, 46)",
        "no alignment: the points that rigid ICP finds, where they were before it, depths at one mean",
        f"vertices measured per face: {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else ""),
    ]
    if failures:
        notes.append(f"{len(failures)} of {len(truths)} photos gave no face: counted in the shares, not in the means")
        notes += failures[:10]
    yaws = [truths[name].yaw for name in found]
    nearest = ["unknown" if yaw is None else str(min(YAWS, key=lambda view: abs(view - yaw))) for yaw in yaws]
    more = [_by("yaw, degrees", [*map(str, YAWS), "unknown"], nearest, errors)] if set(nearest) != {"unknown"} else []
    shown = [truths[name].expression or "unknown" for name in found]
    if set(shown) != {"unknown"}:
        more.append(_by("expression", sorted(set(shown)), shown, errors))
    more += parity_tables(list(100 * errors[:, 0]), facts, "NME %")
    columns = ("protocol", "n", "found", "NME %", "median %", "below 0.05 %", "below 0.10 %")
    curves = dict(zip(PROTOCOLS, errors.T))
    return Table(title, columns, tuple(rows), tuple(notes), curves, "NME", tuple(more), THRESHOLDS)


def _by(title: str, names: Sequence[str], groups: Sequence[str], errors: NDArray) -> Table:
    """Mean NME of each group that occurs."""
    labels = np.array(groups)
    rows = [(n, int((labels == n).sum()), *(100 * errors[labels == n].mean(axis=0))) for n in names if n in groups]
    scores = (f"{name}, NME %" for name in PROTOCOLS[: errors.shape[1]])
    return Table(f"by {title}", (title.split(",")[0], "n", *scores), tuple(rows))
