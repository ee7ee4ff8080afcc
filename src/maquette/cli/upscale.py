"""`maquette upscale PHOTO... -o OUT`: photos made two or four times larger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.results import Json, Photos, collect_into, leave
from maquette.cli.terminal import one_line, progress_bar, say
from maquette.core.options import SourceOptions, UpscaleOptions

if TYPE_CHECKING:
    from maquette.core.result import Failure
    from maquette.outputs.result_folder import OutputFolder, Row
    from maquette.pipeline.upscale import Enlarged


@with_options(UpscaleOptions, SourceOptions)
def upscale(
    photos: Photos,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the larger photos.")],
    as_json: Json = False,
    **options: Any,
) -> None:
    """Make photos larger; writes OUT/NAME.png and OUT/summary.json."""

    def work() -> int:
        wanted = UpscaleOptions(**{f.name: options[f.name] for f in fields(UpscaleOptions)})
        source = SourceOptions(**{f.name: options[f.name] for f in fields(SourceOptions)})
        return upscale_into(out, photos, wanted, source, as_json)

    leave(work, as_json)


def upscale_into(
    out: Path, photos: Sequence[Path], wanted: UpscaleOptions, source: SourceOptions, as_json: bool
) -> int:
    """Make each photo larger, save it as it comes, and return the exit code: see `collect_into`.

    Raises:
        BadInput: an unknown method, a folder that cannot be written. WeightsMissing: the network is not there.
    """
    from maquette.imaging.upscale import method
    from maquette.outputs.result_folder import OutputFolder
    from maquette.sources.naming import source_names

    method.check(wanted.factor, wanted.method)
    folder = OutputFolder(out)
    with progress_bar(len(source_names(photos)), shown=not as_json) as show:
        from maquette.pipeline.upscale import enlarge

        outcomes = enlarge(photos, out, wanted, source, show)
        return collect_into(folder, outcomes, keeping(folder, wanted), None if as_json else announce)


def keeping(folder: OutputFolder, wanted: UpscaleOptions) -> Callable[[Enlarged], Row | Failure]:
    """A `keep` that writes OUT/NAME.png."""
    from maquette.core.errors import MaquetteError
    from maquette.core.result import Failure
    from maquette.outputs.pictures.enlarged import enlarged_png

    def keep(large: Enlarged) -> Row | Failure:
        width, height = large.frame.size
        row = {"photo": large.photo, "file": f"{large.name}.png", "width": width, "height": height}
        row["replaced"] = (folder.path / f"{large.name}.png").exists()
        try:
            folder.write(f"{large.name}.png", enlarged_png(large.frame, large.opacity))
        except MaquetteError as error:
            return Failure(large.name, large.photo, error)
        row |= {"factor": wanted.factor, "method": wanted.method}
        folder.done.append(row)
        return row

    return keep


def announce(out: Path, row: Mapping[str, Any]) -> None:
    """Where the larger photo is."""
    say(one_line(f"{row['photo']}: {out / row['file']}, {row['width']} x {row['height']}"))
