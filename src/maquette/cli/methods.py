"""`maquette methods`: the table of methods."""

from __future__ import annotations

from maquette.cli.terminal import say


def methods() -> None:
    """List the reconstruction methods."""
    from maquette.reconstruction.methods import methods as known

    for row in known():
        subjects = ", ".join(subject.value for subject in row.subjects)
        say(f"{row.name:<12} {subjects:<8} {row.views} photo(s)  {row.paper}")
