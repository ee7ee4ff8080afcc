"""REALY-type regions (Chai et al. 2022): nose, mouth, forehead and cheek are aligned and measured each by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.benchmarks.seven_landmarks import SEVEN, PredictionSource, ScanItem
from maquette.evaluation.meshes import Shape, read_points, read_shape
from maquette.evaluation.predict import Prediction, score_each
from maquette.evaluation.registration import correspondences, settle
from maquette.evaluation.shapes import ClosestPoints
from maquette.evaluation.table import Table
from maquette.geometry.alignment import similarity

KEY_POINTS = 85  # of REALY; the first 68 are those of iBUG
BROWS_AND_EYES = (*range(36, 48), *range(17, 27))
MOUTH = (*range(48, 61), 64)
# Key points that place each region, REALY's published table.
REGIONS = {
    "nose": tuple(range(27, 36)),
    "mouth": MOUTH,
    "forehead": BROWS_AND_EYES,
    "cheek": (*MOUTH, 76, 77, 36, 41, 40, 39, 42, 47, 46, 45, 7, 8, 9),
}
UNANCHORED = ("cheek",)  # bent without key points: none lie inside it
PHOTO_SUFFIXES = (".jpg", ".png")


@dataclass(frozen=True, eq=False)
class ScannedFace:
    """One scanned face.

    Attributes:
        points: (85, 3) key points; regions: name -> scan of that region, in the set's unit.
        millimetres: per unit of the set.
    """

    points: NDArray
    regions: dict[str, Shape]
    millimetres: float


def read_set(folder: str | Path) -> list[ScanItem]:
    """The images: images/ID.jpg or ID_VIEW.jpg, or, without any, one per REALY_scan_region/ID.

    Returns:
        Items whose `landmarks` is REALY_HIFI3D_keypoints/ID.obj and `scan` the folder of the regions.

    Raises:
        BadInput: a part is missing.
    """
    folder = Path(folder)
    points, regions, scales = (
        folder / n for n in ("REALY_HIFI3D_keypoints", "REALY_scan_region", "metrical_scale.txt")
    )
    for path in (points, regions, scales):
        if not path.exists():
            raise BadInput(f"{folder}: wanted a REALY folder with {path.name}, there is none")
    photos = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    names: dict[str, Path | None] = {p.stem: p for p in photos}
    names = names or {p.name: None for p in sorted(regions.iterdir()) if p.is_dir()}
    if not names:
        raise BadInput(f"{regions}: holds no subject, wanted one folder per ID")
    items = []
    for name, photo in names.items():
        subject = name.split("_")[0]
        if not subject.isdigit() or not (regions / subject).is_dir():
            raise BadInput(f"{name}: wanted a name that begins with the number of a folder in {regions}")
        items.append(ScanItem(name, subject, photo, regions / subject, points / f"{subject}.obj", name))
    return items


def read_face(item: ScanItem, scales: Path) -> ScannedFace:
    """The ground truth of one image.

    Raises:
        BadInput: a region, key points or the scale is missing.
    """
    try:
        table = np.loadtxt(scales, ndmin=1)
    except (OSError, ValueError) as error:
        raise BadInput(f"{scales}: wanted one number per subject ({error})") from error
    number = int(item.group)
    if not 1 <= number <= len(table) or not table[number - 1] > 0:
        raise BadInput(f"{scales}: has no positive scale for subject {number} ({len(table)} lines)")
    regions = {name: read_shape(item.scan / f"{name}.obj") for name in REGIONS}
    return ScannedFace(read_points(item.landmarks, KEY_POINTS), regions, float(table[number - 1]))


def region_errors(head: Shape, points: NDArray, face: ScannedFace, region: str) -> tuple[NDArray, NDArray]:
    """One region of one prediction, mm.

    The whole is laid on seven key points, then on the region's key points and by least squares on the region
    (similarity); the scan of the region is bent onto the prediction, and each scan point measures the distance to where
    it landed.

    Args:
        head: any unit; points: (68, 3) or (85, 3) key points on it.

    Returns:
        landed: (N,) distance to the corresponding point, what REALY calls NMSE is its mean.
        nearest: (N,) distance to the nearest point, which forgives sliding.
    """
    used = [k for k in REGIONS[region] if k < len(points)]
    scan = face.regions[region]
    first = similarity(points[list(SEVEN)], face.points[list(SEVEN)], scale=True)
    start = similarity(first.apply(points[used]), face.points[used], scale=True).after(first)
    placed = head.moved(start.apply(head.vertices))
    end = settle(placed, scan.vertices, scale=True).after(start)
    placed = head.moved(end.apply(head.vertices))
    anchors = None
    if region not in UNANCHORED:
        vertices = np.linalg.norm(scan.vertices[None] - face.points[used][:, None], axis=2).argmin(axis=1)
        kept, first_of = np.unique(vertices, return_index=True)
        # A vertex beside its key point belongs as far beside it on the prediction.
        beside = scan.vertices[kept] - face.points[used][first_of]
        anchors = kept, end.apply(points[used])[first_of] + beside
    edges = np.unique(np.sort(scan.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    landed = correspondences(scan.vertices, edges, placed, anchors)
    nearest = ClosestPoints(placed).query(scan.vertices)[1]
    return face.millimetres * np.linalg.norm(landed - scan.vertices, axis=1), face.millimetres * nearest


def template_points(path: Path, head: Shape) -> NDArray:
    """(85, 3) key points of a mesh from REALY's barycentric file: JSON rows of triangle, first and second weight.

    Raises:
        BadInput: another form, a triangle that the mesh has not.
    """
    try:
        rows = np.array(json.loads(path.read_text("utf-8")), np.float64)
        corners = head.vertices[head.faces[rows[:, 0].astype(int)]]
        weights = np.column_stack([rows[:, 1], rows[:, 2], 1 - rows[:, 1] - rows[:, 2]])
    except (OSError, ValueError, IndexError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadInput(f"{path}: wanted {KEY_POINTS} rows of triangle and two weights ({error})") from error
    if len(rows) != KEY_POINTS or not np.isfinite(weights).all():
        raise BadInput(f"{path}: wanted {KEY_POINTS} key points, got {len(rows)}")
    return np.einsum("nk,nkd->nd", weights, corners)


def evaluate_realy(
    folder: str | Path,
    predictions: str | Path | None = None,
    unit: str = "m",
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """Error of four regions of the neutral head.

    Args:
        folder: REALY_HIFI3D_keypoints/, REALY_scan_region/ID/{nose,mouth,forehead,cheek}.obj, metrical_scale.txt and,
            to run the method, images/.
        predictions: NAME.obj per image, with keypoints.txt (REALY's barycentric file of the common topology) or
            NAME.npy (68 or 85 points); a mesh of maquette's head needs neither.
        unit: of the predictions; the alignment frees the scale, so it changes nothing here.
        options: of the method and of how faces are looked for.
        progress: called with each image's name.

    Raises:
        BadInput: see `read_set` and `read_face`; a missing prediction; a mesh that cannot be scored.
    """
    items = read_set(folder)
    source = PredictionSource(predictions, unit, options)
    source.check(items)
    template = None if predictions is None else Path(predictions) / "keypoints.txt"

    def measure(item: ScanItem, prediction: Prediction) -> dict[str, tuple[NDArray, NDArray]]:
        face, head = read_face(item, Path(folder) / "metrical_scale.txt"), prediction.neutral
        if template is not None and template.is_file():
            points = template_points(template, head)
        else:
            points = source.landmarks(item, prediction, None, (68, KEY_POINTS))
        return {region: region_errors(head, points, face, region) for region in REGIONS}

    found, failures = score_each(items, source.predict, measure, "regions", progress)
    return _table(Path(folder), list(found.values()), failures)


def _table(folder: Path, found: list[dict[str, tuple[NDArray, NDArray]]], failures: list[str]) -> Table:
    means = {region: np.array([image[region][0].mean() for image in found]) for region in REGIONS}
    near = {region: float(np.mean([image[region][1].mean() for image in found])) for region in REGIONS}
    count = len(found)
    # Sample standard deviation over images, as published.
    spread = {r: float(m.std(ddof=1)) if count > 1 else None for r, m in means.items()}
    rows = [(region, count, float(means[region].mean()), spread[region], near[region]) for region in REGIONS]
    rows.append(
        ("all", count, float(np.mean([row[2] for row in rows])), None, float(np.mean([row[4] for row in rows])))
    )
    notes = [
        "REALY's regions and key points; per region a similarity, then the scan is bent onto the prediction",
        "the bending is our own (shifts on the scan's edges), so scores are near REALY's, not equal to its program's",
        "nearest: without bending; it forgives sliding along the surface",
    ]
    if failures:
        notes.append(f"{len(failures)} images gave no face and are left out")
    columns = ("region", "images", "NMSE mm", "std mm", "nearest mm")
    curves = {region: means[region] for region in REGIONS}
    return Table(f"REALY regions on {folder.name}", columns, tuple(rows), tuple(notes), curves, "mm, mean per image")
