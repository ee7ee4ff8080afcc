"""Two meshes against each other: `maquette evaluate mesh A B`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maquette.core.job import Progress, silent
from maquette.evaluation.meshes import Shape, read_shape
from maquette.evaluation.normals import normal_angles, normal_error
from maquette.evaluation.registration import corresponding_distances, settle
from maquette.evaluation.shapes import SAMPLES, distances, sample_surface
from maquette.evaluation.table import Table

TAU = 0.01  # of the truth's diagonal, for the F-score (Knapitsch et al. 2017 leave it to the data)
SEED = 0  # the samples of a score are the same in every run
ALIGNMENTS = ("as they lie", "rigid (metric)", "similarity")


def evaluate_mesh(prediction: str | Path, truth: str | Path, progress: Progress = silent) -> Table:
    """Chamfer, point-to-surface, F-score and normal errors of a prediction against the truth, in the files' unit.

    Args:
        prediction, truth: mesh files of one unit and about one place; the alignment only refines.

    Raises:
        BadInput: see `read_shape`.
    """
    mine, theirs = read_shape(prediction), read_shape(truth)
    # Only the order of vertices shows whether two files share a topology.
    same = mine.vertices.shape == theirs.vertices.shape and np.array_equal(mine.faces, theirs.faces)
    rows = []
    for name in ALIGNMENTS:
        progress(name, "measuring")
        rows.append((name, *_scores(_aligned(mine, theirs, name), theirs), _vertex_error(mine, theirs, name, same)))
    columns = (
        *("alignment", "chamfer", "chamfer squared", "P2S A to B", "P2S B to A", f"F-score at {TAU:g} diagonal"),
        *("normal error", "normal angle deg", "corresponding vertices"),
    )
    notes = (
        f"A {Path(prediction).name}: {len(mine.vertices)} vertices; B, the truth: {len(theirs.vertices)}",
        f"chamfer: mean of both directions' mean distances, unsquared; squared: of squares; {SAMPLES} samples each",
        "normal error: PIFuHD's, four orthographic views of 512 pixels framed by B, background included",
        "rigid and similarity rows: least squares from where the meshes lie; errors that slide along it stay hidden",
        "corresponding vertices: mean distance after Procrustes; only for meshes of one topology",
    )
    return Table(f"{Path(prediction).name} against {Path(truth).name}", columns, tuple(rows), notes)


def _aligned(mine: Shape, theirs: Shape, name: str) -> Shape:
    if name == ALIGNMENTS[0]:
        return mine
    target = sample_surface(theirs, 3000, np.random.default_rng(SEED))[0]
    return mine.moved(settle(mine, target, scale=name == ALIGNMENTS[2]).apply(mine.vertices))


def _scores(mine: Shape, theirs: Shape) -> tuple[float, ...]:
    generator = np.random.default_rng(SEED)
    found = distances(mine, theirs, generator)
    angle = float(normal_angles(mine, theirs, generator).mean())
    f_score = found.f_score(TAU * theirs.diagonal)
    sides = float(found.forward.mean()), float(found.backward.mean())
    return found.chamfer, found.chamfer_squared, *sides, f_score, normal_error(mine, theirs), angle


def _vertex_error(mine: Shape, theirs: Shape, name: str, same: bool) -> float | None:
    if not same:
        return None
    if name == ALIGNMENTS[0]:
        return float(np.linalg.norm(mine.vertices - theirs.vertices, axis=1).mean())
    return float(corresponding_distances(mine.vertices, theirs.vertices, name == ALIGNMENTS[2]).mean())
