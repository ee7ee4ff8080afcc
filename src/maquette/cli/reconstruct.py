"""From photos to a folder of results, whatever they show: what `maquette face`, `person` and `pet` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.cli.results import announce, collect_into, leave
from maquette.cli.terminal import progress_bar
from maquette.core.options import Options, options_from

if TYPE_CHECKING:
    from maquette.core.result import Failure, Result
    from maquette.core.types import Subject


def run(subject: str, photos: Sequence[Path], out: Path, as_json: bool, options: Mapping[str, Any]) -> None:
    """Do a whole command and leave with its exit code."""

    def work() -> int:
        from maquette.core.types import Subject

        return reconstruct_into(out, photos, options_from(**options), as_json, Subject(subject))

    leave(work, as_json)


def reconstruct_into(out: Path, photos: Sequence[Path], settings: Options, as_json: bool, subject: Subject) -> int:
    """Run the pipeline, save each result as it comes, and return the exit code: see `collect_into`."""
    from maquette.outputs.result_folder import OutputFolder
    from maquette.reconstruction import methods
    from maquette.sources.naming import source_names

    # What can be refused at once is refused before the heavy imports.
    methods.refuse_options(subject, settings)
    methods.find_for(settings.fit.method, subject, methods.SEVERAL if settings.fit.together else methods.ONE)
    folder = OutputFolder(out)
    with progress_bar(len(source_names(photos)), shown=not as_json) as show:
        # Imported only now.
        from maquette.pipeline import photo

        outcomes: Iterator[Result | Failure] = photo.reconstruct(photos, settings, show, subject)
        return collect_into(folder, outcomes, saving(folder, settings, show), None if as_json else announce)


def saving(folder: Any, settings: Options, show: Callable[[str, str], None]) -> Callable[[Result], Any]:
    """A `keep` that shows what is written; see `OutputFolder.saving`."""
    from maquette import outputs

    keep = folder.saving(partial(outputs.save, options=settings.output))

    def shown(result: Result) -> Any:
        show(result.source, f"{result.name} writing")
        return keep(result)

    return shown
