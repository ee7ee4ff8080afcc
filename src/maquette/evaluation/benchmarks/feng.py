"""Feng et al. 2018 (Stirling/ESRC): `maquette evaluate feng FOLDER` on the user's copy of the scans."""

from __future__ import annotations

from pathlib import Path

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.benchmarks.seven_landmarks import FENG_FACTOR, PredictionSource, ScanItem, pooled_table
from maquette.evaluation.table import Table

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
SCAN_SUFFIXES = (".obj", ".ply")
LANDMARK_SUFFIXES = (".npy", ".txt", ".pp")


def read_set(folder: str | Path) -> list[ScanItem]:
    """Images and scans: images/[SUBSET/]NAME.jpg, scans/SUBJECT.obj with SUBJECT.txt (seven landmarks, mm).

    The subject of an image is the longest scan name with which the image's name begins. Subsets (HQ, LQ) get rows of
    their own.

    Raises:
        BadInput: no images or scans, an image without a scan, a scan without landmarks.
    """
    folder = Path(folder)
    scans = {p.stem: p for p in sorted((folder / "scans").glob("*")) if p.suffix.lower() in SCAN_SUFFIXES}
    photos = sorted(p for p in (folder / "images").rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    if not scans or not photos:
        raise BadInput(f"{folder}: wanted images/*.jpg and scans/*.obj, got {len(photos)} images, {len(scans)} scans")
    items = []
    for photo in photos:
        subject = max((name for name in scans if photo.stem.startswith(name)), key=len, default=None)
        if subject is None:
            raise BadInput(f"{photo}: no scan whose name begins this image's name, among {len(scans)} scans")
        inner = photo.relative_to(folder / "images")
        marks = (scans[subject].with_suffix(suffix) for suffix in LANDMARK_SUFFIXES)
        landmarks = next((path for path in marks if path.is_file()), None)
        if landmarks is None:
            raise BadInput(f"{scans[subject]}: no landmarks beside it, wanted {subject}.txt, .npy or .pp of 7 points")
        stem = inner.with_suffix("").as_posix()
        items.append(
            ScanItem(stem, inner.parts[0] if len(inner.parts) > 1 else "all", photo, scans[subject], landmarks, stem)
        )
    # One subject after another, so that each scan is read once.
    return sorted(items, key=lambda item: (str(item.scan), item.name))


def evaluate_feng(
    folder: str | Path,
    predictions: str | Path | None = None,
    unit: str = "m",
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """Scan-to-mesh distance and 3D-RMSE inside Feng's radius, non-metric and metric.

    Args:
        folder: images/ and scans/, see `read_set`.
        predictions: PREDICTIONS/[SUBSET/]NAME.obj with NAME.txt or .npy (seven landmarks); None runs the method.
        unit: of the predictions: "m", "cm", "mm".
        options: of the method and of how faces are looked for.
        progress: called with each image's name.

    Raises:
        BadInput: see `read_set`; a missing prediction; a mesh that cannot be scored.
    """
    source = PredictionSource(predictions, unit, options)
    return pooled_table(f"Feng on {Path(folder).name}", FENG_FACTOR, read_set(folder), source, progress)
