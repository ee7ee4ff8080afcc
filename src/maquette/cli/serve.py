"""`maquette serve`: the web app, on this computer."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.terminal import say
from maquette.web.limits import ServeOptions, is_loopback


@with_options(ServeOptions)
def serve(
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    **options: Any,
) -> None:
    """Photos and clips to 3D in the browser: a web app on this computer, for this computer alone unless you say so."""
    from maquette.web.serve import serve as run

    options["token"] = options["token"] or os.environ.get("MAQUETTE_TOKEN") or None
    chosen = ServeOptions(**options)

    def ready(address: str) -> None:
        say(f"maquette is at {address} (Ctrl-C ends it)")
        if show and is_loopback(chosen.host):
            import webbrowser

            webbrowser.open(address)

    run(chosen, ready)
