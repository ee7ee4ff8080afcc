"""NoW (Sanyal et al. 2019): `maquette evaluate now FOLDER` on the user's copy of the challenge."""

from __future__ import annotations

from pathlib import Path

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.benchmarks.seven_landmarks import NOW_FACTOR, PredictionSource, ScanItem, pooled_table
from maquette.evaluation.table import Table

LISTS = ("imagepathsvalidation.txt", "imagepathstest.txt", "image_paths.txt")
PHOTO_FOLDERS = ("", "iphone_pictures", "final_release_version/iphone_pictures")


def read_set(folder: str | Path) -> list[ScanItem]:
    """The images of a NoW folder: a list of SUBJECT/CHALLENGE/NAME.jpg, scans/SUBJECT/*.obj and landmarks in
    scans_lmks_onlypp/SUBJECT/*.pp.

    Raises:
        BadInput: a part is missing or a line has another form.
    """
    folder = Path(folder)
    listed = next((folder / name for name in LISTS if (folder / name).is_file()), None)
    if listed is None:
        raise BadInput(f"{folder}: wanted a NoW folder with {LISTS[0]} or {LISTS[1]}, there is none")
    lines = [line.strip() for line in listed.read_text("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        raise BadInput(f"{listed}: is empty, wanted lines SUBJECT/CHALLENGE/NAME.jpg")
    items = []
    for line in lines:
        parts = Path(line).parts[-3:]
        if len(parts) < 3 or ".." in parts:
            raise BadInput(f"{listed}: {line[:80]!r}: wanted SUBJECT/CHALLENGE/NAME.jpg")
        subject, challenge, name = parts
        photos = [folder / root / Path(*parts) for root in PHOTO_FOLDERS]
        items.append(
            ScanItem(
                name=f"{subject}/{challenge}/{Path(name).stem}",
                group=challenge,
                photo=next((path for path in photos if path.is_file()), None),
                scan=_only(folder / "scans" / subject, "obj"),
                landmarks=_only(folder / "scans_lmks_onlypp" / subject, "pp"),
                stem=f"{subject}/{challenge}/{Path(name).stem}",
            )
        )
    return items


def _only(folder: Path, suffix: str) -> Path:
    found = sorted(folder.glob(f"*.{suffix}"))
    if not found:
        raise BadInput(f"{folder}: holds no .{suffix}, wanted the subject's one")
    return found[0]


def evaluate_now(
    folder: str | Path,
    predictions: str | Path | None = None,
    unit: str = "m",
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """Scan-to-mesh distance of neutral heads, non-metric and metric, per challenge.

    Args:
        folder: the challenge's data.
        predictions: PREDICTIONS/SUBJECT/CHALLENGE/NAME.obj with NAME.npy or .txt (seven landmarks); None runs the
            method without its expression.
        unit: of the predictions: "m", "cm", "mm".
        options: of the method and of how faces are looked for.
        progress: called with each image's name.

    Raises:
        BadInput: see `read_set`; a missing prediction; a mesh that cannot be scored.
    """
    source = PredictionSource(predictions, unit, options)
    return pooled_table(f"NoW on {Path(folder).name}", NOW_FACTOR, read_set(folder), source, progress)
