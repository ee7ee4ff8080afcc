"""`maquette face PHOTO... -o OUT`: every face of every photo to a textured, rigged, printable head."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.terminal import complain, one_line, progress_bar, quiet_libraries, say
from maquette.core.errors import MaquetteError
from maquette.core.options import (
    FitOptions,
    Options,
    OutputOptions,
    PerceptionOptions,
    SourceOptions,
    TextureOptions,
    options_from,
)

if TYPE_CHECKING:
    from maquette.core.job import Progress
    from maquette.outputs.folder import OutputFolder


@with_options(FitOptions, TextureOptions, OutputOptions, PerceptionOptions, SourceOptions)
def face(
    photos: Annotated[
        list[Path],
        # Not typer's own check, which refuses the whole command for one file that may not be read.
        typer.Argument(metavar="PHOTO...", help="Photos: JPEG, PNG, WebP, TIFF, BMP, HEIC.", readable=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, nothing else.")] = False,
    **options: Any,
) -> None:
    """Reconstruct every face of every photo."""
    try:
        settings = options_from(**options)
        with quiet_libraries():
            code = reconstruct_into(out, photos, settings, as_json)
    except MaquetteError as error:
        if as_json:
            say(json.dumps({"done": [], "failed": [], "removed": [], "error": str(error)}))
        raise
    raise typer.Exit(code)


def reconstruct_into(out: Path, photos: Sequence[Path], settings: Options, as_json: bool) -> int:
    """Run the pipeline, save each result as it comes, and return the exit code.

    Returns:
        0 if there is any result, else the exit code of the gravest failure.
    """
    from maquette.outputs.folder import OutputFolder, source_names
    from maquette.reconstruction import methods

    # What can be refused at once is refused before the heavy imports.
    methods.find(settings.fit.method)
    folder = OutputFolder(out)
    start, total = perf_counter(), len(source_names(photos))
    try:
        with progress_bar(total, shown=not as_json) as show:
            codes = _work(folder, photos, settings, show, as_json)
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
    return 0 if folder.done else max(codes)


def _work(folder: OutputFolder, photos: Sequence[Path], settings: Options, show: Progress, as_json: bool) -> list[int]:
    """Every photo to files; tells of each result and failure, and returns the failures' exit codes."""
    from maquette import outputs, pipeline
    from maquette.core.result import Failure, Result

    codes = []
    for outcome in pipeline.reconstruct(photos, settings, show):
        if isinstance(outcome, Result):
            show(outcome.source, f"{outcome.name} writing")
            outcome = folder.attempt(outcome, partial(outputs.save, options=settings.output))
        if isinstance(outcome, Failure):
            folder.fail(outcome)
            codes.append(outcome.error.exit_code)
            complain(str(outcome.error))
        elif not as_json:
            _tell(folder.path, outcome)
    return codes


def _tell(out: Path, row: Mapping[str, Any]) -> None:
    """Where to look, and what to know about it."""
    files = [file for file in row["files"] if file.endswith("overview.jpg")] or [row["folder"]]
    replaced = " (replaced an earlier result)" if row["replaced"] else ""
    say(one_line(f"{', '.join(row['photos'])}: {out / files[0]}{replaced}"))
    for warning in row["warnings"]:
        say(f"  note: {one_line(warning)}")
