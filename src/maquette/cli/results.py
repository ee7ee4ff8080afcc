"""From outcomes to a folder of results: what every command that writes OUT has in common."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from maquette.cli.stopping import Interruption
from maquette.cli.system import remedy
from maquette.cli.terminal import DEBUG, complain, one_line, quiet_libraries, say
from maquette.core.errors import BadInput, ExtraMissing, MaquetteError, gravest

if TYPE_CHECKING:
    from maquette.core.result import Failure
    from maquette.outputs.result_folder import OutputFolder, Row

T = TypeVar("T")
Photos = Annotated[
    list[Path],
    # Not typer's own check, which refuses the whole command for one file that may not be read.
    typer.Argument(metavar="PHOTO...", help="Photos: JPEG, PNG, WebP, TIFF, BMP, AVIF, HEIC.", readable=False),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, nothing else.")]


def leave(work: Callable[[], int], as_json: bool) -> None:
    """Do a whole command and leave with its exit code; what ends it early is on stdout as JSON too, if that is wanted.

    Args:
        work: nothing that it raises has been reported, but for a `Interruption` with a text; see `collect_into`.
    """
    try:
        with quiet_libraries():
            code = work()
    except Interruption as stop:
        if as_json and not stop.text:
            say(failed_json("stopped"))
        raise
    except Exception as error:  # whatever it is, `main.run` has the last word
        if as_json:
            say(failed_json(str(error)))
        raise
    raise typer.Exit(code)


def failed_json(error: str) -> str:
    """What `--json` prints where there is no summary."""
    return json.dumps({"done": [], "failed": [], "removed": [], "error": one_line(error)})


def collect_into(
    folder: OutputFolder,
    outcomes: Iterable[T | Failure],
    keep: Callable[[T], Row | Failure],
    announce: Callable[[Path, Mapping[str, Any]], None] | None,
    whole: Path | None = None,
) -> int:
    """Keep each outcome as it comes, report it, write the summary, and return the exit code.

    Args:
        keep: see `OutputFolder.collect`.
        announce: says on stdout what was kept; None prints the summary as JSON instead.
        whole: the one input that all outcomes come from: what stops the run makes it fail.

    Returns:
        0 if there is any result, else the exit code of the gravest failure; that of the error if one stopped the run.
    """
    start, codes = perf_counter(), [0]
    try:
        for row in folder.collect(outcomes, keep):
            if isinstance(row, dict):
                if announce is not None:
                    announce(folder.path, row)
                continue
            codes.append(row.error.exit_code)
            complain(str(row.error))
    except (Interruption, KeyboardInterrupt) as stop:
        _failed(folder, whole, BadInput(f"{whole}: stopped before its end"))
        with suppress(BadInput):
            _closed(folder, announce is None, interrupted=True)
        goes_on = ", and the same command goes on from there" if whole else ""
        said = f"stopped; what was finished is whole: {len(folder.done)} in {folder.path}{goes_on}"
        raise Interruption(getattr(stop, "number", signal.SIGINT), said) from stop
    except Exception as error:  # whatever stops the run, the summary has it
        if DEBUG:
            raise
        return _ended(folder, announce is None, whole, error)
    try:
        _closed(folder, announce is None, folder=str(folder.path), seconds=round(perf_counter() - start, 3))
    except BadInput as error:
        complain(str(error))
        return error.exit_code
    return 0 if folder.done else gravest(codes)


def _ended(folder: OutputFolder, as_json: bool, whole: Path | None, error: Exception) -> int:
    """Report what stopped a run, on stderr and in the summary; its exit code."""
    from maquette.core.job import explained

    if isinstance(error, ImportError):
        defect: MaquetteError = ExtraMissing(remedy(error))
    else:
        defect = explained(error, str(whole or folder.path))
    _failed(folder, whole, defect)
    # Where the disk is full there is no room for a summary either; the first error is the one to be reported.
    with suppress(BadInput):
        _closed(folder, as_json, error=str(defect))
    complain(str(defect))
    return defect.exit_code


def _failed(folder: OutputFolder, whole: Path | None, error: MaquetteError) -> None:
    """Note that the one input failed, so that what an earlier run made of it is not taken for void."""
    from maquette.core.result import Failure

    if whole is not None:
        folder.fail(Failure(whole.stem, str(whole), error))


def _closed(target: OutputFolder, as_json: bool, **facts: Any) -> None:
    """The summary to its file, and to stdout if that is wanted; else which earlier results are gone."""
    try:
        summary = target.close(**facts)
    except BadInput as error:
        if as_json:
            say(json.dumps({"done": target.done, "failed": target.failed, "removed": [], "error": str(error)}))
        raise
    if as_json:
        say(json.dumps(summary))
        return
    for removed in summary["removed"]:
        say(f"removed {target.path / removed}: an earlier result, which was done again and does not show it")
    for left, why in summary["left"].items():
        say(one_line(f"left {target.path / left}: {why}; it may be an earlier result: look at it"))


def announce(out: Path, row: Mapping[str, Any]) -> None:
    """Where to look, and what to know about it."""
    files = [file for file in row["files"] if file.endswith("overview.jpg")] or [row["folder"]]
    replaced = " (replaced an earlier result)" if row["replaced"] else ""
    say(one_line(f"{', '.join(row['photos'])}: {out / files[0]}{replaced}"))
    for warning in row["warnings"]:
        say(f"  note: {one_line(warning)}")
