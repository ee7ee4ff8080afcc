"""From photos to a folder of results, whatever they show: what `maquette face` and `maquette person` have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.terminal import complain, one_line, progress_bar, quiet_libraries, say
from maquette.core.errors import MaquetteError, gravest
from maquette.core.options import Options, options_from

if TYPE_CHECKING:
    from maquette.core.job import Progress
    from maquette.core.result import Failure, Result
    from maquette.core.types import Subject
    from maquette.outputs.result_folder import OutputFolder

Photos = Annotated[
    list[Path],
    # Not typer's own check, which refuses the whole command for one file that may not be read.
    typer.Argument(metavar="PHOTO...", help="Photos: JPEG, PNG, WebP, TIFF, BMP, HEIC.", readable=False),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, nothing else.")]


def run(subject: str, photos: Sequence[Path], out: Path, as_json: bool, options: Mapping[str, Any]) -> None:
    """Do a whole command and leave with its exit code."""
    from maquette.core.types import Subject

    try:
        settings = options_from(**options)
        with quiet_libraries():
            code = reconstruct_into(out, photos, settings, as_json, Subject(subject))
    except MaquetteError as error:
        if as_json:
            say(json.dumps({"done": [], "failed": [], "removed": [], "error": str(error)}))
        raise
    raise typer.Exit(code)


def reconstruct_into(out: Path, photos: Sequence[Path], settings: Options, as_json: bool, subject: Subject) -> int:
    """Run the pipeline, save each result as it comes, and return the exit code.

    Returns:
        0 if there is any result, else the exit code of the gravest failure.
    """
    from maquette.outputs.result_folder import OutputFolder
    from maquette.reconstruction import methods
    from maquette.sources.naming import source_names

    # What can be refused at once is refused before the heavy imports.
    methods.find(settings.fit.method, subject)
    folder = OutputFolder(out)
    start, total = perf_counter(), len(source_names(photos))
    try:
        with progress_bar(total, shown=not as_json) as show:
            codes = _work(folder, pipeline_of(photos, settings, show, subject), settings, show, as_json)
    except KeyboardInterrupt:
        summary = folder.close(interrupted=True)
        if as_json:
            say(json.dumps(summary))
        complain(f"stopped; results that were finished are whole: {len(folder.done)} in {out}")
        raise
    summary = folder.close(folder=str(out), seconds=round(perf_counter() - start, 3))
    if as_json:
        say(json.dumps(summary))
    else:
        for removed in summary["removed"]:
            say(f"removed {out / removed}: an earlier result; the photo was done again and does not show it")
    return 0 if folder.done else gravest(codes)


def pipeline_of(
    photos: Sequence[Path], settings: Options, show: Progress, subject: Subject
) -> Iterable[Result | Failure]:
    """The pipeline's outcomes; it is imported only now."""
    from maquette.pipeline import photo

    return photo.reconstruct(photos, settings, show, subject)


def _work(
    folder: OutputFolder, outcomes: Iterable[Result | Failure], settings: Options, show: Progress, as_json: bool
) -> list[int]:
    """Every outcome to files; tells of each result and failure, and returns the failures' exit codes."""
    from maquette import outputs
    from maquette.core.result import Failure, Result

    codes = []
    for outcome in outcomes:
        if isinstance(outcome, Result):
            show(outcome.source, f"{outcome.name} writing")
            outcome = folder.attempt(outcome, partial(outputs.save, options=settings.output))
        if isinstance(outcome, Failure):
            folder.fail(outcome)
            codes.append(outcome.error.exit_code)
            complain(str(outcome.error))
        elif not as_json:
            tell(folder.path, outcome)
    return codes


def tell(out: Path, row: Mapping[str, Any]) -> None:
    """Where to look, and what to know about it."""
    files = [file for file in row["files"] if file.endswith("overview.jpg")] or [row["folder"]]
    replaced = " (replaced an earlier result)" if row["replaced"] else ""
    say(one_line(f"{', '.join(row['photos'])}: {out / files[0]}{replaced}"))
    for warning in row["warnings"]:
        say(f"  note: {one_line(warning)}")
