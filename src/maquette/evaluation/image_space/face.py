"""How well heads fit the photos they were made from: rendered again with their stored cameras.

A head without hair, neck and shoulders has no silhouette that a person mask could judge. The face has one: the patch
of the head that MediaPipe's 468 landmarks span, bounded by the oval from forehead to chin. Rendered with everything
that hides it, it is compared with the area those landmarks cover in the photo. On a turned face the detector lets the
oval slide over the near cheek, so that even a good fit reaches 0.85 to 0.9 there: compare like yaw with like. Beside
that stands a one-sided check against the person mask, which no part of the fit has seen: how much of the head lies
inside the person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.image_space.face_result import (
    FacePhoto,
    FaceResult,
    HeadRender,
    given_normals,
    open_photo,
    read_result,
    render_head,
)
from maquette.evaluation.image_space.result_files import Photos
from maquette.evaluation.landmarks import reprojection
from maquette.evaluation.normals import normal_cosine
from maquette.evaluation.pictures import LEAST_PIXELS, inner_scores
from maquette.evaluation.silhouettes import DAVIS_TOLERANCE, boundary_f, containment, silhouette_iou
from maquette.evaluation.table import Table

MEASURES = (
    "face IoU",
    "boundary F",
    "head inside person",
    "masked SSIM",
    "masked PSNR dB",
    "normal cosine",
    "reprojection px",
    "reprojection %",
)
COLUMNS = ("result", "photo", *MEASURES, "failed")


@dataclass(frozen=True)
class FaceThresholds:
    """Below (reprojection: above) which a photo's fit counts as failed; None: never.

    Twelve portraits measured: IoU 0.85 to 0.96, boundary F 0.32 to 0.95, head inside person 0.87 to 1.00, masked SSIM
    0.88 to 0.99, reprojection 0.6 to 1.7 %; the lowest F and share inside are of a head that visibly leans.

    Attributes:
        iou, boundary, inside, ssim, cosine: least values, 0-1.
        reprojection: largest value, percent of the face's size.
    """

    iou: float | None = 0.8
    boundary: float | None = 0.4
    inside: float | None = 0.9
    ssim: float | None = 0.8
    cosine: float | None = 0.9
    reprojection: float | None = 2.5

    def failed(self, scores: dict[str, float | None]) -> list[str]:
        """Names of the measures that miss their threshold; a measure that was not taken fails nothing."""
        names = ("face IoU", "boundary F", "head inside person", "masked SSIM", "normal cosine", "reprojection %")
        missed = []
        for name, limit in zip(names, (getattr(self, f.name) for f in fields(self))):
            value = scores.get(name)
            if value is None or limit is None:
                continue
            if value > limit if name == "reprojection %" else value < limit:
                missed.append(name)
        return missed


FACE_DEFAULTS = FaceThresholds()


def score_photo(
    result: FaceResult, seen: HeadRender, photo: FacePhoto, normals: NDArray | None = None
) -> dict[str, float | None]:
    """All measures of one photo of one result; None where one cannot be taken.

    Args:
        result: what the files hold.
        seen: the head as its stored camera sees it, on the grid of the photo's crop.
        photo: that crop and what perception finds in it.
        normals: (H, W, 3) float to compare the rendered ones with: right, up, to the camera; zero where unknown.
    """
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    scores["face IoU"] = silhouette_iou(seen.face, photo.face)
    scores["boundary F"] = boundary_f(seen.face, photo.face)
    scores["head inside person"] = containment(seen.head, photo.person)
    if seen.colour is not None:
        area = seen.face & seen.textured
        scores["masked SSIM"], scores["masked PSNR dB"] = inner_scores(seen.colour, photo.pixels, area)
    if normals is not None:
        known = seen.face & (np.linalg.norm(normals, axis=2) > 0.5)
        if np.count_nonzero(known) >= LEAST_PIXELS:
            scores["normal cosine"] = normal_cosine(seen.normals, normals, known)
    if result.scheme == photo.scheme:
        scores["reprojection px"], scores["reprojection %"] = reprojection(
            seen.landmarks, photo.landmarks, seen.visible.astype(float)
        )
    return scores


def evaluate_faces(
    folder: Path,
    files: list[Path],
    photos: Photos,
    normals: str | Path | None,
    thresholds: FaceThresholds,
) -> Table:
    """A row per photo of each result; the arguments are those of `evaluate_imagespace`.

    Args:
        files: the results' parameters.npz, in the folder.

    Raises:
        BadInput: none of them can be measured.
    """
    rows: list[tuple] = []
    errors: list[BadInput] = []
    for path in files:
        name = path.parent.relative_to(folder).as_posix()
        name = path.parent.name if name == "." else name
        try:
            rows += _face_rows(read_result(path.parent, name), photos, normals, thresholds)
        except BadInput as error:
            errors.append(error)
            rows.append((name, "", *[None] * len(MEASURES), str(error)))
    if len(errors) == len(files):
        raise errors[0]
    failures = sum(bool(row[-1]) for row in rows)
    notes = (
        "silhouette: the face patch spanned by the 468 landmarks, rendered with all that hides it, against the area "
        "that freshly detected landmarks cover in the photo; hair, neck and shoulders do not count",
        f"boundary F: DAVIS, tolerance {DAVIS_TOLERANCE} of the crop's diagonal",
        "head inside person: share of the rendered head inside the person mask, which the fit has not used",
        "masked SSIM (luma) and PSNR (RGB): texture against photo where the texture was photographed; windows that "
        "leave the patch are left out. The texture was made from this photo, so this shows whether it sits where it "
        "should, not whether the shape is true",
        "normal cosine: against " + (f"{normals}" if normals else "the result's own normals.png: agreement of files"),
        "reprojection: landmarks that the head does not hide; % of the square root of their box's area. The detector "
        "is the one the fit used, so this measures the fit, not the truth",
        f"failed: {failures} of {len(rows)}; thresholds {json.dumps(vars(thresholds))}",
    )
    return Table(f"Image space: {folder.name}, {len(rows)} photos", COLUMNS, tuple(rows), notes)


def _face_rows(
    result: FaceResult,
    photos: Photos,
    normals: str | Path | None,
    thresholds: FaceThresholds,
) -> list[tuple]:
    """A row per photo of one result."""
    rows = []
    for index, name in enumerate(result.photos):
        try:
            photo = open_photo(result, index, photos)
        except LookupError as error:  # the photo is fine, but shows nobody there any more
            failed: str = str(error)
            scores: dict[str, float | None] = {}
        else:
            maps = given_normals(result, index, normals, photo.size)
            scores = score_photo(result, render_head(result, index, photo.size), photo, maps)
            failed = ", ".join(thresholds.failed(scores))
        rows.append((result.name, Path(name).name, *(scores.get(m) for m in MEASURES), failed))
    return rows
