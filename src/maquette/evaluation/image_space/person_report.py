"""People in image space: photos and clips measured in one pass, reported as table, JSON and contact sheet."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, NothingFound
from maquette.core.job import Progress, explained, silent
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation
from maquette.evaluation.image_space.person import MEASURES, PERSON_DEFAULTS, PersonThresholds, ViewScores, score_view
from maquette.evaluation.image_space.person_mesh import PersonRender
from maquette.evaluation.image_space.result_files import Photos, find_picture, person_folders
from maquette.evaluation.image_space.sheet import WorstRows, row_of, write_beside, write_sheet
from maquette.evaluation.image_space.views import PersonView, clip_views, manifest_of, photo_views
from maquette.evaluation.table import Table
from maquette.evaluation.temporal import steadiness
from maquette.evaluation.temporal.steadiness import Steadiness
from maquette.outputs.reports.manifest import read_manifest
from maquette.perception.people.observe import observe_people
from maquette.sources import photos as photo_files
from maquette.sources import video

COLUMNS = ("result", "picture", "track", "method", *MEASURES, "flags", "failed")
JSON_FILE, SHEET_FILE = "imagespace.json", "imagespace.jpg"
SHORT = {
    "silhouette IoU": "IoU",
    "boundary F": "F",
    "normal cosine": "cos",
    "masked SSIM": "SSIM",
    "keypoints %": "kp %",
}  # on the contact sheet
SMALLEST = 16.0  # pixels: a person who was found once may be smaller than what is looked for by default
NOTES = (
    "silhouette: of the mesh in the whole picture, beyond the crop too, against a person mask made afresh",
    "normal and back cosine: against the normals the method predicted, where it stored any",
    "masked SSIM (luma) and PSNR (RGB): where the texture was photographed. It was made from this picture, so this "
    "shows whether it sits where it should, not whether the shape is true",
    "keypoints: of the fitted body against freshly detected ones that are seen; % of the person's height in the "
    "picture. The detector is the one that the fit used",
    "flags: blurred, crowded or posed outside the range: a bad score there says more about the picture",
)


STEADY_NOTES = (
    "rect jitter: noise of the crop's centre and size, from second differences",
    "silhouette IoU after flow: of each mesh's silhouette and the one before, carried along by the optical flow",
    "chamfer: of each mesh's vertices and those of the one before; motion counts too",
)


@dataclass(frozen=True, eq=False)
class MeasuredView:
    """What came of one view.

    Attributes:
        frame: the whole picture, None where it was not read.
        found: the scores, or None.
        why: why there are none.
        error: the fault that stands behind it, or None.
    """

    view: PersonView
    frame: Frame | None = None
    found: ViewScores | None = None
    why: str = ""
    error: Exception | None = None

    @property
    def scores(self) -> dict[str, float | None]:
        """By measure; None where it was not taken."""
        return dict.fromkeys(MEASURES) if self.found is None else self.found.scores

    @property
    def flags(self) -> tuple[str, ...]:
        """What is odd about the picture; of a skipped frame why it was skipped."""
        if self.found is not None:
            return self.found.flags
        remark = self.view.lost if self.view.skipped else self.view.remark
        return (remark,) if remark else ()

    def failed(self, thresholds: PersonThresholds) -> list[str]:
        """The measures that miss their threshold, or why there are none; empty for a skipped frame."""
        if self.found is not None:
            return thresholds.failed(self.found.scores, self.view.method)
        return [] if self.view.skipped else [self.why]


@dataclass
class FolderReport:
    """What one folder gets: its frames for JSON, its worst rows for the sheet, how steady its tracks are."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    worst: WorstRows = field(default_factory=WorstRows)
    steady: dict[int, Steadiness] = field(default_factory=lambda: defaultdict(Steadiness))


def evaluate_person_results(
    folder: Path,
    photos: Photos = None,
    normals: str | Path | None = None,
    thresholds: PersonThresholds = PERSON_DEFAULTS,
    progress: Progress = silent,
) -> Table | None:
    """Measure all people under a folder; writes imagespace.json and imagespace.jpg beside each result.

    Args:
        folder: OUT, OUT/<name> or OUT/<name>/person-1.
        photos: folder with the photos or clips, or the files, if they are no longer where the result says.
        normals: folder with <picture stem>.png to compare normals with.
        thresholds: what counts as failed.

    Returns:
        A row per mesh; "failed" names the measures that miss their threshold or says why there are none. None if
        there are no people.

    Raises:
        BadInput: the one and only result cannot be measured at all.
    """
    views, broken = find_views(folder)
    if not views and not broken:
        return None
    reports: dict[Path, FolderReport] = defaultdict(FolderReport)
    overall, errors = WorstRows(), list(broken.values())
    rows: list[tuple[Any, ...]] = []
    for where, error in broken.items():
        rows.append((where, "", None, "", *[None] * len(MEASURES), "", str(error)))
    for one in measure_views(views, photos, Path(normals) if normals else None, progress):
        view, failed = one.view, one.failed(thresholds)
        named = (view.name, view.shown, view.track, view.method)
        rows.append((*named, *one.scores.values(), ", ".join(one.flags), ", ".join(failed)))
        errors += [one.error] if isinstance(one.error, BadInput) else []
        report = reports[view.folder]
        report.frames.append(_as_json(one, failed))
        if one.found is None:
            continue
        row = _sheet_row(view, one.found, failed)
        for worst in (report.worst, overall):
            worst.add(one.found.overlap, row)
        if one.frame is not None and view.frame is not None:
            report.steady[view.track].add(view, one.frame, one.found.drawn.inside, one.found.box, one.found.vertices)
    if len(errors) == len(rows) == 1:
        raise errors[0]
    _write(folder, reports, overall, thresholds)
    return _table(folder, rows, thresholds, reports)


def find_views(folder: Path) -> tuple[list[PersonView], dict[str, BadInput]]:
    """All views of photos and of a clip, and the results that cannot be read, by name."""
    views: list[PersonView] = []
    broken: dict[str, BadInput] = {}
    manifest, clip = manifest_of(folder), ""
    if manifest is not None:
        try:
            views += clip_views(manifest, folder)
            clip = str(read_manifest(manifest.parent)["clip"])
        except BadInput as error:
            broken[manifest.name] = error
    known = {view.folder.resolve() for view in views}
    for place in person_folders(folder):
        if place.resolve() in known:
            continue
        name = place.relative_to(folder).as_posix()
        name = place.resolve().name if name == "." else name
        try:
            views += photo_views(place, name, clip)
        except BadInput as error:
            broken[name] = error
    return views, broken


def measure_views(
    views: Sequence[PersonView], photos: Photos, normals: Path | None, progress: Progress
) -> Iterator[MeasuredView]:
    """Every view, by picture and frame; each picture is read once."""
    for picture, group in groupby(sorted(views, key=lambda v: (v.picture, v.number)), key=lambda v: v.picture):
        shown = list(group)
        try:
            coming = list_pictures(find_picture(picture, photos), [v.frame for v in shown if v.frame is not None])
            waiting = defaultdict(list)
            for view in shown:
                waiting[view.frame].append(view)
            for number, frame in coming:
                progress(Path(picture).name, "measuring" if number is None else f"frame {number}")
                yield from _in_picture(waiting.pop(number, []), frame, normals)
            for rest in waiting.values():
                yield from (MeasuredView(view, why=view.lost or "the frame cannot be decoded") for view in rest)
        except BadInput as error:
            yield from (MeasuredView(view, why=str(error), error=error) for view in shown)


def list_pictures(path: Path, frames: Iterable[int]) -> Iterator[tuple[int | None, Frame]]:
    """The photo, numbered None, or these frames of the clip, in order, one in memory at a time."""
    wanted = sorted(set(frames))
    return video.frames_at(video.open_clip(path), wanted) if wanted else iter([(None, photo_files.read(path))])


def _in_picture(views: list[PersonView], frame: Frame, normals: Path | None) -> Iterator[MeasuredView]:
    people: list[Observation] = []
    if any(not view.lost for view in views):
        with suppress(NothingFound):  # `same_person` says so of each view
            people = observe_people(frame, PerceptionOptions(min_person=SMALLEST))
    for view in views:
        if view.lost:
            yield MeasuredView(view, frame, why=view.lost)
            continue
        try:
            yield MeasuredView(view, frame, score_view(view, frame, people, normals))
        except LookupError as error:
            yield MeasuredView(view, frame, why=str(error))
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001  one bad result never stops the others
            reason = explained(error, f"{view.name} {view.shown}")
            yield MeasuredView(view, frame, why=str(reason), error=reason)


def _as_json(one: MeasuredView, failed: list[str]) -> dict[str, Any]:
    """The view's entry in imagespace.json."""
    view = one.view
    return {
        "picture": view.picture,
        "frame": view.frame,
        "time": view.time if view.time is None or np.isfinite(view.time) else None,
        "track": view.track,
        "method": view.method,
        "status": "failed" if failed else "skipped" if view.skipped else "flagged" if one.flags else "done",
        "scores": {name: None if value is None else round(float(value), 5) for name, value in one.scores.items()},
        "flags": list(one.flags),
        "failed": failed,
    }


def _sheet_row(view: PersonView, found: ViewScores, failed: list[str]) -> NDArray:
    """The view's row on the contact sheet."""
    scores = found.scores
    lines = [
        f"{view.name}  {view.shown}  {view.method}",
        "  ".join(f"{short} {scores[name]:.3f}" for name, short in SHORT.items() if scores[name] is not None),
        "; ".join([*(["FAILED " + ", ".join(failed)] if failed else []), *found.flags]),
    ]
    return row_of(found.pixels, found.mask, found.drawn.inside, _picture_of(found.drawn), lines, bool(failed))


def _picture_of(drawn: PersonRender) -> NDArray:
    """(H, W, 3) uint8: the colours, or else the normals as colours."""
    if drawn.colour is not None:
        return np.where(drawn.inside[..., None], drawn.colour, 255).astype(np.uint8)
    return np.where(drawn.inside[..., None], 127.5 * (1 + drawn.normals), 255).astype(np.uint8)


def _write(folder: Path, reports: dict[Path, FolderReport], overall: WorstRows, thresholds: PersonThresholds) -> None:
    for place, report in reports.items():
        counts: dict[str, Any] = {"frames": len(report.frames), "failed": sum(bool(f["failed"]) for f in report.frames)}
        tracks = [dict(zip(steadiness.COLUMNS[1:], (k, *s.row()))) for k, s in sorted(report.steady.items())]
        counts |= {"steadiness": tracks} if tracks else {}
        data = {**counts, "thresholds": asdict(thresholds), "notes": NOTES, "per_frame": report.frames}
        write_beside(place / JSON_FILE, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        write_sheet(place / SHEET_FILE, report.worst.rows)
    if folder.resolve() not in {place.resolve() for place in reports}:
        write_sheet(folder / SHEET_FILE, overall.rows)


def _table(
    folder: Path, rows: list[tuple[Any, ...]], thresholds: PersonThresholds, reports: dict[Path, FolderReport]
) -> Table:
    failures, flagged = sum(bool(row[-1]) for row in rows), sum(bool(row[-2]) for row in rows)
    scored = np.array([row[4] for row in rows if row[4] is not None], float)
    mean = f"; mean silhouette IoU {scored.mean():.3f}, worst {scored.min():.3f}" if len(scored) else ""
    summary = f"failed: {failures} of {len(rows)}, flagged {flagged}{mean}; thresholds {json.dumps(asdict(thresholds))}"
    tracks = [
        (place.name, number, *steady.row())
        for place, report in reports.items()
        for number, steady in report.steady.items()
    ]
    more = (Table("Steadiness from frame to frame", steadiness.COLUMNS, tuple(tracks), STEADY_NOTES),)
    title = f"Image space: {folder.name}, {len(rows)} meshes of people"
    return Table(title, COLUMNS, tuple(rows), (*NOTES, summary), more=more if tracks else ())
