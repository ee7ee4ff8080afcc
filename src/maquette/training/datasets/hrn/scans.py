"""Scans with photos as HRN learns from them: what it sees of each photo, and the scanned surface in the same crop.

The folder is laid out as `maquette evaluate scans` takes it: photos/NAME_VIEW.png and gt/NAME.npz. A photo does not
say how large a face is, so each scan is laid onto the face that the first network reads, its scale free: landmarks
first, then trimmed ICP.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.scans import Scan, read_set
from maquette.geometry.alignment import IDENTITY, Similarity, similarity
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.coefficients import split as coefficients_of
from maquette.reconstruction.hrn.detail import HRN
from maquette.reconstruction.hrn.face_model import FaceModel, posed, rotation
from maquette.reconstruction.hrn.fit.scan import NEIGHBOURS, ScanSurface, scanned
from maquette.training.datasets.hrn.faces import HELD_OUT, faces_of, row_of

JAW = 17  # of 68 landmarks, the first: they slide along the outline
LEAST_DM = 0.12  # a landmark nearer than this is never dropped
TRIES, TRIED = 200, 4  # sets of landmarks, and how many each has
ICP_POINTS, ICP_ROUNDS, KEEP = 2000, 25, 0.8  # vertices, rounds, and the share of the nearest ones that counts
SHOWN = 0.9  # of the mask, which fades towards its edge and takes the maps along
LEAST_KNOWN = 0.3  # of the texels that the photo shows, on which the scan must lie

Row = dict[str, np.ndarray]


def holds_scans(folder: str | Path) -> bool:
    """Whether a folder is one of scans with photos."""
    return (Path(folder) / "gt").is_dir() and (Path(folder) / "photos").is_dir()


def rows_of_scans(folder: str | Path, ready: HRN) -> list[tuple[str, Row]]:
    """The scanned person and the row of every photo, in the order of their names.

    Returns:
        Rows as `HRNFaces.rows`, with "deformation" (3, 64, 64), "displacement" (1, S, S), "facing" (3, S, S), "gap"
        (1, S, S) float16 and "known" (1, S, S) uint8 of `ScanMaps`, known where the photo shows it.

    Raises:
        BadInput: see `read_set`; no photo that fits its scan.
    """
    found = []
    photos = read_set(folder)
    for path, scan in photos.items():
        try:
            seen = max(faces_of(path), key=lambda face: float(np.prod(face.box[2:] - face.box[:2])), default=None)
            if seen is not None:
                row = row_of(seen, ready)
                found.append((scan.name, row | truth_of(ready.model, row, scan)))
        except BadInput as error:
            warnings.warn(f"left out: {path}: {error}", stacklevel=2)
    if not found:
        raise BadInput(f"{folder}: wanted photos of the faces that were scanned, found none in {len(photos)} photos")
    return found


def split_by_person(rows: Sequence[tuple[str, Row]]) -> tuple[list[Row], list[Row]]:
    """Rows to learn from and rows held out, by person: every tenth; of one alone both are all rows."""
    names = list(dict.fromkeys(name for name, _ in rows))
    apart = set(names[::HELD_OUT])
    held = [row for name, row in rows if name in apart]
    return [row for name, row in rows if name not in apart] or held, held


def truth_of(model: FaceModel, row: Row, scan: Scan) -> Row:
    """What the scan adds to the row of a photo.

    Raises:
        BadInput: the scan does not lie on the face, or has hardly a point.
    """
    if len(scan.points) < NEIGHBOURS:
        raise BadInput(f"{scan.name}: wanted a scan of {NEIGHBOURS} points or more, got {len(scan.points)}")
    found = coefficients_of(torch.from_numpy(row["coefficients"])[None].to(model.mean))
    shape = model.shape(found.identity, found.expression)
    face = scanned(model, found, laid(model, shape, found, scan))
    shown = row["valid"] > SHOWN
    known = face.known.cpu().numpy() & shown
    if known.sum() < LEAST_KNOWN * shown.sum() or not known.any():
        raise BadInput(f"{scan.name}: its scan lies on {known.sum() / max(shown.sum(), 1):.0%} of what the photo shows")
    maps = {name: getattr(face, name).half().cpu().numpy() for name in ("deformation", "displacement", "facing", "gap")}
    return maps | {"known": known.astype(np.uint8)}


def laid(model: FaceModel, shape: Tensor, found: Coefficients, scan: Scan) -> NDArray:
    """(P, 3) decimetres: a scan's points laid onto the posed face of a shape (1, V, 3).

    Vertices look for the scan, not its points for the face: scans have necks, ears and the inside of mouths.
    """
    points, normals = (
        one[0].double().cpu().numpy() for one in (posed(shape, found), model.normals(shape) @ rotation(found.angles))
    )
    wanted, own = points[model.landmarks.cpu().numpy()][JAW:], scan.landmarks[list(IBUG68)][JAW:]
    start = begun(own, wanted)
    surface = ScanSurface(start.apply(scan.points))
    every = slice(None, None, max(1, len(points) // ICP_POINTS))
    points, normals, motion = points[every], normals[every], IDENTITY
    for _ in range(ICP_ROUNDS):
        places, facing = motion.inverse().apply(points), normals @ motion.rotation
        origins, planes, known = surface.near(places, facing)
        along = ((origins - places) * planes).sum(axis=1)
        if not known.any():
            break
        known &= np.abs(along) <= np.quantile(np.abs(along[known]), KEEP)
        landed = places + along[:, None] * planes
        motion = similarity(landed[known], points[known])
    return motion.apply(start.apply(scan.points))


def begun(own: NDArray, wanted: NDArray) -> Similarity:
    """The motion of a scan's landmarks (K, 3), some NaN, to those of a face (K, 3), decimetres.

    Landmarks cast onto a scan may land inside its mouth or on the back of its head: the motion is that of the few which
    leaves the least median (Rousseeuw 1984), then of all that agree.

    Raises:
        BadInput: fewer landmarks than one set has.
    """
    good = np.isfinite(own).all(axis=1)
    own, wanted, rng = own[good], wanted[good], np.random.default_rng(0)
    if len(own) < TRIED:
        raise BadInput(f"landmarks: wanted {TRIED} of eyes, nose, mouth and brows or more, got {len(own)}")
    best, least = np.zeros(len(own)), np.inf
    for _ in range(TRIES):
        few = rng.choice(len(own), TRIED, replace=False)
        apart = np.linalg.norm(similarity(own[few], wanted[few]).apply(own) - wanted, axis=1)
        if np.median(apart) < least:
            best, least = apart, float(np.median(apart))
    near = best < max(LEAST_DM, 3 * least)
    return similarity(own[near], wanted[near])
