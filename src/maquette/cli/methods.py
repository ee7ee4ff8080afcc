"""`maquette methods`: the table of methods."""

from __future__ import annotations

from maquette.cli.terminal import say


def methods() -> None:
    """List the reconstruction methods: what they reconstruct, from one photo, several or a clip, and their papers."""
    from maquette.reconstruction.methods import methods as known

    for row in known():
        subjects = ", ".join(subject.value for subject in row.subjects)
        own = f" [wants your own files: {row.brings}]" if row.brings else ""
        say(f"{row.name:<12} {subjects:<8} {'/'.join(row.views):<16} {row.paper}{own}")
