"""`maquette train RECIPE -o OUT`: train one network; every recipe is a command with flags of its own."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from maquette.cli.flags import with_options
from maquette.cli.terminal import complain, one_line, say, silent
from maquette.core.errors import ExtraMissing

if TYPE_CHECKING:
    from maquette.training.recipe import AnyRecipe


class Recipes(TyperGroup):
    """The rows of training/recipe.py as commands; a recipe is imported when its command is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  click's own names
        """Names of the recipes that ship."""
        from maquette.training.recipe import RECIPES

        return list(RECIPES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command of one recipe, named by its row or as module:RECIPE."""
        from maquette.training.recipe import load_given

        if cmd_name.startswith("-"):
            return None
        made = typer.Typer(add_completion=False, rich_markup_mode=None)
        with _needs_extra():
            made.command(cmd_name)(command(load_given(cmd_name)))
        return typer.main.get_command(made)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The table of recipes in `maquette train --help`, without importing one of them."""
        from maquette.training.recipe import RECIPES

        with formatter.section("Recipes"):
            formatter.write_dl([(name, row.what) for name, row in RECIPES.items()])


app = typer.Typer(cls=Recipes, help="Train a network: maquette train RECIPE -o OUT.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Train a network; `maquette train RECIPE --help` shows a recipe's options."""


def command(recipe: AnyRecipe) -> Callable[..., None]:
    """The command of one recipe, with a flag for each option of the recipe and of the loop."""
    from maquette.training.options import LoopOptions

    @with_options(recipe.options, LoopOptions)
    def run(
        ctx: typer.Context,
        out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder of this training.")],
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on from OUT's last checkpoint, with its options.")
        ] = False,
        **flat: Any,
    ) -> None:
        given = {name: value for name, value in flat.items() if _is_given(ctx, name)}
        run_training(recipe, out, resume, given)

    run.__doc__ = f"Train {recipe.what or recipe.name}."
    signature = inspect.signature(run)
    defaults = {f.name: getattr(recipe.loop, f.name) for f in fields(LoopOptions)}
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(default=defaults.get(p.name, p.default)) for p in signature.parameters.values()]
    )
    return run


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def run_training(recipe: AnyRecipe, out: Path, resume: bool, given: dict[str, Any]) -> None:
    """Train with the options that were given; what was not is the recipe's default, or on a resume as it was."""
    with _hushed(), _needs_extra():
        from maquette.training import checkpoint
        from maquette.training.loop import train

        known = {**{f.name: f.default for f in fields(recipe.options)}, **asdict(recipe.loop)}
        if resume:
            before = checkpoint.load(out / checkpoint.LAST)
            if before["recipe"] == recipe.name:
                known |= before["options"] | before["loop"]
        known |= given
        loop = type(recipe.loop)(**{f.name: known[f.name] for f in fields(recipe.loop)})
        options = recipe.options(**{f.name: known[f.name] for f in fields(recipe.options)})
        with _bar(recipe.name, loop.steps) as show:
            scores = train(recipe, options, loop, out, resume, complain, show)
    if not scores:
        return  # one of several devices; the first one reports
    shown = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    say(one_line(f"{recipe.name}: {loop.steps} steps, {shown}: {out}"))


@contextmanager
def _hushed() -> Iterator[None]:
    """Without the advice of Lightning and torch on how else one could train."""
    import logging

    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _needs_extra() -> Iterator[None]:
    """What training needs beyond the rest of maquette, as an error that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("torch", "lightning_fabric"):
            raise
        raise ExtraMissing(f"training needs the package {error.name}: run: pip install 'maquette[train]'") from error


@contextmanager
def _bar(name: str, steps: int) -> Iterator[Callable[[int, str], None]]:
    """A bar of steps with the time that is left; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(name), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr, soft_wrap=True)
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=steps)
        yield lambda step, text: bar.update(task, completed=step, description=text)
