"""`python -m maquette`, and the command `maquette`: what is heavy is imported when Ctrl-C is provided for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from maquette.cli.stopping import program


def main() -> NoReturn:
    """Entry point of the program `maquette`."""
    program(_commands)


def _commands() -> Callable[[], int]:
    from maquette.cli.main import run

    return run


if __name__ == "__main__":
    main()
