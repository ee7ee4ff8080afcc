"""How well results fit the pictures they were made from: `maquette evaluate imagespace OUT`, for faces and people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.evaluation.image_space.face import FACE_DEFAULTS, FaceThresholds, evaluate_faces
from maquette.evaluation.image_space.person import PERSON_DEFAULTS, PersonThresholds
from maquette.evaluation.image_space.person_report import evaluate_person_results
from maquette.evaluation.image_space.result_files import Photos, is_person, result_files
from maquette.evaluation.table import Table


def evaluate_imagespace(
    out_folder: str | Path,
    photos: Photos = None,
    normals: str | Path | None = None,
    thresholds: FaceThresholds = FACE_DEFAULTS,
    person_thresholds: PersonThresholds = PERSON_DEFAULTS,
    progress: Progress = silent,
) -> Table:
    """Render results of `maquette face`, `person` or `video` again and compare them with their pictures.

    Beside each result of a person, imagespace.json and the contact sheet imagespace.jpg are written.

    Args:
        out_folder: OUT, OUT/<photo> or OUT/<photo>/face-1.
        photos: the folder of photos and clips, or these files, if they are no longer where the results say.
        normals: a folder with <photo stem>.png, coded as normals.png in the pixels of the crop, to compare with;
            without it, the normals stored beside the result: of a face its own normals.png, which only shows that the
            files agree, of a person those that the method predicted.
        thresholds, person_thresholds: what counts as failed.

    Returns:
        A row per picture of each result; where there are faces and people, people in a table of their own. "failed"
        names the measures that miss their threshold, or says why nothing could be measured; it is empty if all is
        well (see `exit_status`). A result that cannot be read is a failed row.

    Raises:
        BadInput: one line: no results, or the only one cannot be measured: a broken file, a photo that is not there or
            has another size.
    """
    folder = Path(out_folder)
    people = evaluate_person_results(folder, photos, normals, person_thresholds, progress) if folder.is_dir() else None
    try:
        files = [path for path in result_files(folder) if not is_person(path.parent)]
    except BadInput:
        if people is None:
            raise
        files = []
    if people is not None and not files:
        return people
    faces = evaluate_faces(folder, files, photos, normals, thresholds)
    return faces if people is None else replace(faces, more=(replace(people, more=()), *people.more))


def exit_status(table: Table) -> int:
    """0 if no row of `evaluate_imagespace` failed, else 1."""
    failed = [one.column("failed") for one in (table, *table.more) if "failed" in one.columns]
    return int(any(any(column) for column in failed))
