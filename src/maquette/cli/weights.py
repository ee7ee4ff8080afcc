"""`maquette weights list`: the files that were learned or built."""

from __future__ import annotations

import typer

from maquette.cli.terminal import say

app = typer.Typer(help="Show the files that were learned or built.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Show the files that were learned or built."""


@app.command("list")
def list_weights() -> None:
    """List every file of the zoo, its licence and whether it is there."""
    from maquette.core.errors import WeightsMissing
    from maquette.weights.store import fetch, zoo

    for entry in zoo().values():
        try:
            fetch(entry.name)
            state = "ok"
        except WeightsMissing as error:
            state = str(error)
        say(f"{entry.name:<20} {entry.bytes / 1e6:6.1f} MB  {entry.licence:<12} {entry.what}  [{state}]")
