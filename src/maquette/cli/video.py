"""`maquette video CLIP -o OUT --subject person`: everybody in a clip, moving, and a mesh for each frame."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.person import FACES, STAGES
from maquette.cli.reconstruct import Json, Out, tell
from maquette.cli.terminal import complain, progress_bar, quiet_libraries, say
from maquette.core.errors import BadInput, MaquetteError
from maquette.core.options import METHODS, VideoOptions, options_from

if TYPE_CHECKING:
    from maquette.core.job import Progress

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
    """Reconstruct everybody in a clip: animated bodies, and a mesh for each frame."""
    from maquette.core.result import Failure
    from maquette.outputs.folder import OutputFolder

    if subject not in SUBJECTS:
        known = ", ".join(SUBJECTS)
        raise BadInput(f"subject {subject!r}: a video can show: {known}; for faces use maquette face on its pictures")
    settings = options_from(**options)
    folder, start, codes = OutputFolder(out), perf_counter(), []
    try:
        with quiet_libraries(), told(str(clip), not as_json) as show:
            from maquette.video.run import reconstruct_clip

            for outcome in reconstruct_clip(clip, folder, settings, show):
                if isinstance(outcome, Failure):
                    folder.fail(outcome)
                    codes.append(outcome.error.exit_code)
                    complain(str(outcome.error))
                elif not as_json:
                    tell(folder.path, outcome)
    except KeyboardInterrupt:
        folder.close(interrupted=True)
        complain(f"stopped; what is finished is whole, and the same command goes on from there: {out}")
        raise
    except MaquetteError as error:
        if as_json:
            say(json.dumps({"done": [], "failed": [], "removed": [], "error": str(error)}))
        raise
    summary = folder.close(folder=str(out), seconds=round(perf_counter() - start, 3))
    if as_json:
        say(json.dumps(summary))
    raise typer.Exit(0 if folder.done else max(codes))


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
