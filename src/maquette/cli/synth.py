"""`maquette synth -o OUT`: labelled photographs of people who do not exist."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.terminal import progress_bar, quiet_libraries, say
from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions


@with_options(SynthesisOptions)
def synth(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder of the photographs.")],
    subject: Annotated[
        str, typer.Option(metavar="SUBJECT", help="face, person; with --shards also head, folds, clip, pet, portrait.")
    ] = "face",
    shards: Annotated[
        bool, typer.Option("--shards", help="Write OUT/SPLIT/*.safetensors, crops to train on, instead.")
    ] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=256, help="Processes.")] = 2,
    **options: Any,  # the fields of SynthesisOptions
) -> None:
    """Draw labelled photographs of people who do not exist; the same options always give the same bytes.

    Writes NUMBER.png and NUMBER.npz (labels) for each, sheet.jpg, facts.csv and summary.json. Run again, it goes on.
    """
    settings = SynthesisOptions(**options)
    if shards:
        _write_shards(out, settings, subject, workers)
        return
    from maquette.synthesis.datasets.photographs import write_photographs
    from maquette.synthesis.datasets.sheet import write_sheet

    begun, drawn = perf_counter(), 0
    with quiet_libraries(), progress_bar(settings.count, True) as show:
        show("", "starting")
        for index, new in write_photographs(out, settings, subject, workers):
            drawn += new
            show(f"{index}", f"{drawn / (perf_counter() - begun):.1f} per second")
        write_sheet(out)
    kept = f", {settings.count - drawn} were there" if drawn < settings.count else ""
    say(f"{drawn} photographs in {perf_counter() - begun:.0f} s{kept}: {out}")


def _write_shards(out: Path, settings: SynthesisOptions, subject: str, workers: int) -> None:
    if subject == "person":
        _write_person_shards(out, settings, workers)
        return
    if subject not in ("face", "head", "folds", "clip", "pet", "portrait"):
        raise BadInput(f"--shards: wanted --subject face, head, folds, clip, pet, portrait or person, got {subject}")
    from maquette.synthesis.datasets.photographs import begin_folder
    from maquette.training.datasets import faces, folds, heads, pets
    from maquette.training.datasets.clips import rows
    from maquette.training.datasets.translation import portraits

    modules = {"face": faces, "head": heads, "folds": folds, "clip": rows, "pet": pets, "portrait": portraits}
    crops = modules[subject]
    begin_folder(out / settings.split, settings, subject, grows=())  # a short last file would stay short
    with quiet_libraries(), progress_bar(-(-settings.count // crops.PER_FILE), True) as show:
        show("", "starting")
        for file in crops.make_shards(out, settings, workers=workers):
            show(file.name, "written")
    say(f"{settings.count} crops: {out / settings.split}")


def _write_person_shards(out: Path, settings: SynthesisOptions, workers: int) -> None:
    from maquette.synthesis.datasets.person_shards import SHARD, write_person_shards
    from maquette.synthesis.datasets.photographs import begin_folder

    folder = out / settings.split
    begin_folder(folder, settings, "person", grows=())
    with quiet_libraries(), progress_bar(-(-settings.count // SHARD), True) as show:
        show("", "starting")
        count, seed, size = settings.count, settings.seed, settings.size
        write_person_shards(folder, count, seed, size, workers, lambda file: show(file.name, "written"))
    say(f"{settings.count} examples: {folder}")
