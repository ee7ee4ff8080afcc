"""`maquette translate PHOTO... -o OUT --to cat|dog|wild`: animals' faces as other animals'."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.results import Json, Photos, collect_into, leave
from maquette.cli.terminal import one_line, progress_bar, say
from maquette.core.options import SourceOptions, TranslateOptions

if TYPE_CHECKING:
    from maquette.core.result import Failure
    from maquette.outputs.result_folder import OutputFolder, Row
    from maquette.pipeline.translate import Translation

SHEET = "sheet.jpg"


@with_options(TranslateOptions, SourceOptions)
def translate(
    photos: Photos,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the pictures.")],
    as_json: Json = False,
    **options: Any,
) -> None:
    """Turn animals' faces into another animal's; writes OUT/NAME-dog-1.png, the same in its photo, and a sheet."""

    def work() -> int:
        wanted = TranslateOptions(**{f.name: options[f.name] for f in fields(TranslateOptions)})
        source = SourceOptions(**{f.name: options[f.name] for f in fields(SourceOptions)})
        return translate_into(out, photos, wanted, source, as_json)

    leave(work, as_json)


def translate_into(
    out: Path, photos: Sequence[Path], wanted: TranslateOptions, source: SourceOptions, as_json: bool
) -> int:
    """Translate each photo, save it as it comes, and return the exit code: see `collect_into`.

    Raises:
        BadInput: an unknown method or animal, a folder that cannot be written. WeightsMissing: no networks.
    """
    from maquette.outputs.result_folder import OutputFolder
    from maquette.sources.naming import source_names

    with progress_bar(len(source_names(photos)), shown=not as_json) as show:
        from maquette.pipeline import references
        from maquette.pipeline.translate import translate as translations

        outcomes = translations(photos, wanted, source, show)
        folder = OutputFolder(out)
        keep = keeping(folder, wanted, {*photos, *references.paths(wanted)})
        return collect_into(folder, outcomes, keep, None if as_json else announce)


def keeping(folder: OutputFolder, wanted: TranslateOptions, given: set[Path]) -> Callable[[Translation], Row | Failure]:
    """A `keep` that writes each picture, the photo with it, and the sheet of all so far; never over a given photo."""
    from maquette.core.errors import BadInput, MaquetteError
    from maquette.core.result import Failure
    from maquette.outputs.pictures.translations import MOST_ROWS, SheetRow, contact_sheet, jpeg, png

    rows: list[SheetRow] = []
    own = {os.path.realpath(photo) for photo in given}

    def keep(made: Translation) -> Row | Failure:
        stems = [f"{made.name}-{made.shows}-{k}" for k in range(1, len(made.pictures) + 1)]
        names = [name for stem in stems for name in (f"{stem}.png", f"{stem}-in-photo.jpg")]
        replaced = any((folder.path / name).exists() for name in names)
        try:
            for name in (*names, SHEET):
                if os.path.realpath(folder.path / name) in own:
                    raise BadInput(f"{folder.path / name}: is one of the photos itself: choose another folder with -o")
            for stem, picture, whole in zip(stems, made.pictures, made.photos):
                folder.write(f"{stem}.png", png(picture))
                folder.write(f"{stem}-in-photo.jpg", jpeg(whole))
            if len(rows) < MOST_ROWS:
                rows.append(SheetRow(made.name, made.crop, made.pictures, made.shows, made.looks))
                folder.write(SHEET, jpeg(contact_sheet(rows)))
        except MaquetteError as error:
            return Failure(made.name, made.photo, error)
        row: Row = {"photo": made.photo, "files": names, "looks": list(made.looks), "warnings": list(made.warnings)}
        row |= {"shows": made.shows, "method": wanted.method, "seed": wanted.seed, "replaced": replaced}
        folder.done.append(row)
        return row

    return keep


def announce(out: Path, row: Mapping[str, Any]) -> None:
    """Where the pictures are, and what to know about them."""
    more = f" and {len(row['files']) - 1} more" if len(row["files"]) > 1 else ""
    say(one_line(f"{row['photo']}: {out / row['files'][0]}{more}, {out / SHEET}"))
    for warning in row["warnings"]:
        say(f"  note: {one_line(warning)}")
