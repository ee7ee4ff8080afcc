"""`maquette video CLIP -o OUT --subject person`: everybody in a clip, moving, and a mesh for each frame."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.person import FACES, STAGES
from maquette.cli.reconstruct import Json, Out, tell
from maquette.cli.terminal import DEBUG, complain, progress_bar, quiet_libraries, say
from maquette.core.errors import BadInput, MaquetteError, gravest
from maquette.core.options import METHODS, Options, VideoOptions, options_from

if TYPE_CHECKING:
    from maquette.core.job import Progress
    from maquette.core.result import Failure
    from maquette.outputs.result_folder import OutputFolder

SUBJECTS = ("person",)
EVERY_S = 10.0  # between two lines of progress where there is no terminal to redraw one


@with_options(VideoOptions, *STAGES, leave_out=(*FACES, "together"), method=METHODS["person"])
def video(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video: MP4, MOV, MKV, WebM, AVI.", readable=False)],
    out: Out,
    subject: Annotated[str, typer.Option(help="What moves in it: person.")] = "person",
    as_json: Json = False,
    **options: Any,
) -> None:
    """Reconstruct everybody in a clip: animated bodies, and a mesh for each frame.

    OUT/<clip>/person-1/ holds what maquette person writes, animated, and frames/000000.ply ...; OUT/manifest.json tells
    what became of each person in each frame. One clip for each OUT.
    """
    from maquette.outputs.result_folder import OutputFolder

    try:
        if subject not in SUBJECTS:
            wanted = ", ".join(SUBJECTS)
            raise BadInput(f"subject {subject!r}: a video can show: {wanted}; faces: maquette face on its pictures")
        settings = options_from(**options)
        folder = OutputFolder(out)
    except MaquetteError as error:
        if as_json:
            say(json.dumps({"done": [], "failed": [], "removed": [], "error": str(error)}))
        raise
    raise typer.Exit(reconstruct_into(folder, clip, settings, as_json))


def reconstruct_into(folder: OutputFolder, clip: Path, settings: Options, as_json: bool) -> int:
    """Do the whole clip, tell of each result and failure, and return the exit code.

    Returns:
        0 if there is anybody, else the exit code of the gravest failure. What stops the whole clip is raised.
    """
    from maquette.core.job import explained
    from maquette.core.result import Failure

    start, codes = perf_counter(), []
    try:
        for outcome in outcomes_of(clip, folder, settings, as_json):
            if isinstance(outcome, Failure):
                folder.fail(outcome)
                codes.append(outcome.error.exit_code)
                complain(str(outcome.error))
            elif not as_json:
                tell(folder.path, outcome)
    except KeyboardInterrupt:
        complain(f"stopped; what is finished is whole, and the same command goes on from there: {folder.path}")
        # So that what an earlier run made of the clip is not taken for void.
        folder.fail(Failure(clip.stem, str(clip), BadInput(f"{clip}: stopped before its end")))
        _closed(folder, as_json, interrupted=True)
        raise
    except ImportError:
        raise
    except Exception as error:
        defect = explained(error, str(clip))
        folder.fail(Failure(clip.stem, str(clip), defect))
        # Where the disk is full there is no room for a summary either; the first error is the one to be told.
        with suppress(BadInput):
            _closed(folder, as_json)
        if DEBUG or defect is error:
            raise
        raise defect from error
    _closed(folder, as_json, folder=str(folder.path), seconds=round(perf_counter() - start, 3))
    return 0 if folder.done else gravest(codes)


def _closed(target: OutputFolder, as_json: bool, **facts: Any) -> None:
    """The summary to its file, and to stdout if that is wanted; else which earlier results are gone."""
    summary = target.close(**facts)
    if as_json:
        say(json.dumps(summary))
        return
    for removed in summary["removed"]:
        say(f"removed {target.path / removed}: an earlier result; the clip was done again and does not show it")


def outcomes_of(
    clip: Path, folder: OutputFolder, settings: Options, as_json: bool
) -> Iterator[Mapping[str, Any] | Failure]:
    """The clip's outcomes; what can be refused at once is refused before the heavy imports."""
    from maquette.core.types import Subject
    from maquette.reconstruction import methods
    from maquette.sources.video import open_clip

    with quiet_libraries(), told(str(clip), not as_json) as show:
        methods.find(settings.fit.method, Subject.PERSON)
        open_clip(clip, settings.video, settings.source)
        from maquette.pipeline.video import reconstruct_clip

        yield from reconstruct_clip(clip, folder, settings, show)


@contextmanager
def told(name: str, shown: bool) -> Iterator[Progress]:
    """Progress that redraws one line in a terminal, and elsewhere writes one now and then."""
    if sys.stderr.isatty() or not shown:
        with progress_bar(1, shown) as show:
            yield show
        return
    last: dict[str, float] = {}

    def line(clip: str, stage: str) -> None:
        kind, now = stage.partition(",")[0], perf_counter()
        if now - last.get(kind, -EVERY_S) >= EVERY_S:
            last[kind] = now
            sys.stderr.write(f"{clip}: {stage}\n")

    yield line
