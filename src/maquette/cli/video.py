"""`maquette video CLIP -o OUT --subject person`: everybody in a clip, moving, and a mesh for each frame."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_door
from maquette.cli.reconstruct import saving
from maquette.cli.results import Json, Out, announce, collect_into, leave
from maquette.cli.terminal import progress_bar, written
from maquette.core.errors import BadInput
from maquette.core.options import METHODS, Options, options_from

if TYPE_CHECKING:
    from maquette.core.job import Progress

SUBJECTS = ("person", "face")
EVERY_S = 10.0  # between two lines of progress where there is no terminal to redraw one


@with_door("video", method=None)
def video(
    clip: Annotated[
        Path,
        typer.Argument(
            metavar="CLIP", help="A video (MP4, MOV, MKV, WebM, AVI), or a folder of pictures.", readable=False
        ),
    ],
    out: Out,
    subject: Annotated[str, typer.Option(help="What moves in it: person or face.")] = "person",
    as_json: Json = False,
    **options: Any,
) -> None:
    """Reconstruct everybody in a clip, moving: people as bodies with a mesh for each frame, or their faces.

    OUT/<clip>/person-1/person.glb is a rigged body with its motion, whatever the method; frames/000000.ply ... are the
    meshes of --method: with pifuhd (the default) a surface without a skeleton, with parametric that body in its pose.
    OUT/manifest.json says what became of each person in each frame. One clip for each OUT.
    """

    def work() -> int:
        if subject not in SUBJECTS:
            wanted = ", ".join(SUBJECTS)
            raise BadInput(f"subject {subject!r}: a video can show: {wanted}")
        settings = options_from(**{**options, "method": options["method"] or METHODS[subject]})
        return reconstruct_into(out, clip, settings, as_json, subject)

    leave(work, as_json)


def reconstruct_into(out: Path, clip: Path, settings: Options, as_json: bool, subject: str = "person") -> int:
    """Do the whole clip, and return the exit code: see `collect_into`."""
    from maquette.core.types import Subject
    from maquette.outputs.result_folder import OutputFolder
    from maquette.pipeline.story import outcomes

    folder = OutputFolder(out)
    with clip_progress(not as_json) as show:
        coming = outcomes([clip], Subject(subject), folder, settings, clip=True, progress=show)
        return collect_into(folder, coming, saving(folder, settings, show), None if as_json else announce, clip)


@contextmanager
def clip_progress(shown: bool) -> Iterator[Progress]:
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
            written(sys.stderr, f"{clip}: {stage}\n")

    yield line
