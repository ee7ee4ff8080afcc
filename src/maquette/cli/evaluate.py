"""`maquette evaluate TASK [FOLDER...]`: scores on data of yours, as a table, JSON and curves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.results import leave
from maquette.cli.terminal import progress_bar, say
from maquette.core.errors import BadInput
from maquette.core.options import FitOptions, Options, PerceptionOptions, options_from
from maquette.evaluation.tasks import TASKS, Task, function_of

if TYPE_CHECKING:
    from maquette.core.job import Progress
    from maquette.evaluation.table import Table


UNUSED = ("min_person", "max_people", "max_faces")  # a benchmark scores one face of each photo
LISTED = "\n\n".join(f"{' '.join([name, *task.inputs])}: {task.text}." for name, task in TASKS.items())


@dataclass(frozen=True)
class Settings:
    """Settings of the tasks; a task takes those that it has a parameter for."""

    predictions: Path | None = None
    """Score these instead of running the method."""
    unit: str = "m"
    """Unit of predicted meshes: m, cm or mm."""
    facts: Path | None = None
    """CSV with the columns image and monk, yaw or exposure: parity tables."""
    photos: Path | None = None
    """Folder with the photos or clips of results, if they moved."""
    clip: Path | None = None
    """The clip of the results, if it moved, for the task clip."""
    normals: Path | None = None
    """Folder of NAME.png, normals coded as in normals.png, to compare those of results with."""
    people: int = 24
    """How many people who do not exist are drawn, for the task synthetic."""
    weights: Path | None = None
    """StarGAN v2's weights, for the task translation; without any colours alone are scored."""
    inception: Path | None = None
    """Inception's weights for FID, as torch-fidelity's makers publish them, for the task translation."""
    alexnet: Path | None = None
    """AlexNet's weights for LPIPS, as torchvision's makers publish them, for the task translation."""
    border: int = 0
    """Border cut off at every side of pictures, in pixels."""


@with_options(Settings, FitOptions, PerceptionOptions, leave_out=UNUSED)
def evaluate(
    task: Annotated[str, typer.Argument(metavar="TASK", help=f"One of {', '.join(TASKS)}.")],
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT", help="Folders or files, see above.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="Folder for scores.json, scores.md, ced.png.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON on stdout, nothing else.")] = False,
    **options: Any,
) -> None:
    """Score reconstructions or predictions on data of yours."""
    settings = Settings(**{field.name: options.pop(field.name) for field in fields(Settings)})

    def work() -> int:
        table = run_task(task, inputs or [], settings, options_from(**options), shown=not as_json)
        paths = [] if out is None else table.save(out)
        if as_json:
            say(table.to_json())
        else:
            for line in table.to_markdown().splitlines():
                say(line)
            if paths:
                say(f"\nsaved {', '.join(path.name for path in paths)} in {out}")
        status = TASKS[task].status
        return function_of(status, task)(table) if status else 0

    leave(work, as_json)


evaluate.__doc__ = f"Score reconstructions or predictions on data of yours.\n\n{LISTED}"


def run_task(name: str, inputs: list[Path], settings: Settings, options: Options, shown: bool) -> Table:
    """Run one task.

    Args:
        options: of the method and of how faces are looked for.
        shown: whether progress may be drawn on the terminal.

    Raises:
        BadInput: an unknown task, a wrong number of inputs, a setting or an option that the task does not take; and the
            task's own.
        ExtraMissing, WeightsMissing: the task's own.
    """
    from inspect import signature

    task = TASKS.get(name)
    if task is None:
        raise BadInput(f"task {name!r}: not known; known: {', '.join(TASKS)}")
    if len(inputs) != len(task.inputs):
        wanted = " ".join(task.inputs) or "nothing more"
        raise BadInput(f"evaluate {name}: wanted {wanted}, got {' '.join(map(str, inputs)) or 'nothing'}")
    function = function_of(task.function, name)
    known = signature(function).parameters
    given: dict[str, Any] = {"options": options} if "options" in known else {}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if field.name in known:
            given[field.name] = value
        elif value != field.default:
            raise BadInput(f"--{field.name}: evaluate {name} does not take it")
    if options.fit.together and not task.together:
        raise BadInput(f"--together: evaluate {name} scores each photo by itself")
    if not given.get("options") or settings.predictions is not None:
        _refuse_options(name, options, "scores what is there" if settings.predictions else "runs no method")
    with _progress(task, inputs, settings.people, shown) as show:
        return function(*inputs, **given, **({"progress": show} if "progress" in known else {}))


def _refuse_options(name: str, options: Options, why: str) -> None:
    """Refuse options of a method that is not run: they would change nothing."""
    for stage, default in ((options.fit, FitOptions()), (options.perception, PerceptionOptions())):
        for field in fields(default):
            if field.name != "together" and getattr(stage, field.name) != getattr(default, field.name):
                raise BadInput(f"--{field.name.replace('_', '-')}: evaluate {name} does not take it here: it {why}")


@contextmanager
def _progress(task: Task, inputs: list[Path], people: int, shown: bool) -> Iterator[Progress]:
    total = len(function_of(task.count, "")(inputs[0] if inputs else people)) if task.count and shown else 1
    with progress_bar(total, shown) as show:
        yield show
