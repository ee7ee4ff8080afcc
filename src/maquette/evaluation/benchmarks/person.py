"""How near the surfaces of people come to the truth: occupancy, distances and normals, on held-out synthetic people.

The protocol is that of PIFuHD's evaluation (Saito et al. 2020): 10,000 points per mesh, point to surface from the
prediction to the truth, Chamfer as the mean of both directions, the normal error of four views; no alignment. Beside
it stand the same numbers after the translation and scale that fit best, since no picture of an orthographic camera
shows either, and the overlap of the two solids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.evaluation.meshes import SUFFIXES, Shape, read_shape
from maquette.evaluation.normals import normal_error
from maquette.evaluation.registration import settle
from maquette.evaluation.shapes import distances, sample_surface
from maquette.evaluation.table import Table
from maquette.geometry.surfaces.distance import winding

INSIDE_SAMPLES = 50_000  # points in the box of both; the overlap's standard error is then about 0.002
ALIGN_SAMPLES = 3000
CM = 100.0  # per metre
SEED = 0  # the samples of a score are the same in every run
PLACED, FITTED = "as it lies", "fitted"
COLUMNS = ("method", "placed", "people", "IoU", "P2S cm", "chamfer cm", "normal error", "IoU s.e.", "chamfer s.e. cm")


@dataclass(frozen=True)
class PersonScores:
    """One prediction against the truth.

    Attributes:
        iou: overlap of the solids, 0-1; 1 for identical meshes, and then the rest is 0.
        p2s: centimetres, mean distance from the prediction's surface to the truth's.
        chamfer: centimetres, mean of both directions' mean distances.
        normals: PIFuHD's normal error, see `normal_error`.
    """

    iou: float
    p2s: float
    chamfer: float
    normals: float


def occupancy_iou(a: Shape, b: Shape, generator: np.random.Generator) -> float:
    """Intersection over union of the solids inside two closed meshes, from points even in the box of both; 0-1.

    A point is inside where the surface goes round it, so that limbs may run into each other.

    Args:
        a, b: closed, faces anticlockwise from outside, metres.

    Raises:
        BadInput: neither holds a single point: open, inside out, or flat.
    """
    if a is b or (np.array_equal(a.vertices, b.vertices) and np.array_equal(a.faces, b.faces)):
        return 1.0
    low = np.minimum(a.vertices.min(axis=0), b.vertices.min(axis=0))
    high = np.maximum(a.vertices.max(axis=0), b.vertices.max(axis=0))
    points = generator.uniform(low, high, (INSIDE_SAMPLES, 3))
    inside_a, inside_b = (winding(shape.vertices, shape.faces, points) > 0 for shape in (a, b))
    union = np.count_nonzero(inside_a | inside_b)
    if not union:
        raise BadInput(f"{a.name} and {b.name}: hold nothing inside: wanted closed meshes with faces outwards")
    return np.count_nonzero(inside_a & inside_b) / union


def score_person(prediction: Shape, truth: Shape, seed: int = SEED) -> PersonScores:
    """All measures of one prediction, where it lies.

    Args:
        prediction, truth: metres, in one frame, y up, closed, faces anticlockwise from outside.
        seed: of the samples.

    Example:
        scores = score_person(read_shape("person.obj"), read_shape("truth.obj"))
    """
    generator = np.random.default_rng(seed)
    found = distances(prediction, truth, generator)
    iou = occupancy_iou(prediction, truth, generator)
    return PersonScores(iou, CM * found.p2s, CM * found.chamfer, normal_error(prediction, truth))


def aligned_to(prediction: Shape, truth: Shape, seed: int = SEED) -> Shape:
    """The prediction moved, turned and scaled as fits the truth best in least squares, from where it lies."""
    target = sample_surface(truth, ALIGN_SAMPLES, np.random.default_rng(seed))[0]
    return prediction.moved(settle(prediction, target, scale=True).apply(prediction.vertices))


def compare_persons(
    predictions: Mapping[str, Sequence[Shape | None]], truths: Sequence[Shape], progress: Progress = silent
) -> Table:
    """Methods side by side on the same people.

    Args:
        predictions: method -> one shape per person, metres, in the frame of the truth; None where it found nobody.
        truths: one shape per person.

    Returns:
        Two rows per method: as its meshes lie, and after the best similarity. Means over the people that every
        method found, with the standard errors of these means; "people" counts them.

    Raises:
        BadInput: no people, a method with another number of shapes, nobody whom all methods found.
    """
    for name, shapes in predictions.items():
        if len(shapes) != len(truths):
            raise BadInput(f"{name}: wanted {len(truths)} predictions, one per person, got {len(shapes)}")
    whole = [k for k in range(len(truths)) if all(shapes[k] is not None for shapes in predictions.values())]
    if not whole or not predictions:
        raise BadInput(f"people: wanted somebody whom every method found, got none among {len(truths)}")
    rows: list[tuple[str | float | None, ...]] = []
    for name, shapes in predictions.items():
        pairs = [(shape, truths[k]) for k in whole if (shape := shapes[k]) is not None]
        for placed in (PLACED, FITTED):
            scores = []
            for shape, truth in pairs:
                progress(f"{name}, {truth.name}", placed)
                moved = shape if placed == PLACED else aligned_to(shape, truth)
                scores.append(astuple(score_person(moved, truth)))
            rows.append((name, placed, len(whole), *_summary(np.array(scores))))
    found = ", ".join(f"{name} {sum(s is not None for s in shapes)}" for name, shapes in predictions.items())
    notes = (
        f"people: whom every method found, of {len(truths)}; found: {found}",
        "IoU: of the solids, 50,000 points; P2S, Chamfer: 10,000 points, unsquared; normal error: PIFuHD's, four views "
        "of 512 pixels, background included",
        "as it lies: no alignment (PIFuHD's protocol); fitted: after the similarity that fits best, since one "
        "picture shows neither distance nor size",
        "s.e.: standard error of the mean over people",
    )
    return Table(f"People: {len(predictions)} methods, {len(whole)} people", COLUMNS, tuple(rows), notes)


def evaluate_persons(meshes: str | Path, truth: str | Path, progress: Progress = silent) -> Table:
    """Meshes of people against true ones, paired by the stem of their names.

    Args:
        meshes: the predictions: a folder of meshes in metres, or of folders of such, one per method.
        truth: a folder of meshes in metres, closed, in the same frame.

    Returns:
        See `compare_persons`; a person without a prediction counts as not found.

    Raises:
        BadInput: no meshes, no pair, or as `read_shape`.
    """
    names = _meshes(Path(truth))
    if not names:
        raise BadInput(f"{truth}: holds no meshes ({', '.join(SUFFIXES)}), wanted the true shapes")
    truths = [read_shape(path) for path in names.values()]
    methods = {path.name: _meshes(path) for path in sorted(Path(meshes).glob("*/"))}
    methods = {name: found for name, found in methods.items() if found} or {Path(meshes).name: _meshes(Path(meshes))}
    shapes = {name: [read_shape(found[k]) if k in found else None for k in names] for name, found in methods.items()}
    return compare_persons(shapes, truths, progress)


def _meshes(folder: Path) -> dict[str, Path]:
    """Stem -> file."""
    return {path.stem: path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES}


def _summary(scores: NDArray) -> tuple[float | None, ...]:
    """Means of the (N, 4) scores, and the standard errors of IoU and Chamfer; None for a single person."""
    names = [field.name for field in fields(PersonScores)]
    means = scores.mean(axis=0).tolist()
    if len(scores) < 2:
        return *means, None, None
    errors = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    return *means, float(errors[names.index("iou")]), float(errors[names.index("chamfer")])
