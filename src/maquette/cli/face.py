"""`maquette face PHOTO... -o OUT`: every face of every photo to a textured, rigged, printable head."""

from __future__ import annotations

from typing import Any

from maquette.cli.flags import with_door
from maquette.cli.reconstruct import run
from maquette.cli.results import Json, Out, Photos


@with_door("face")
def face(photos: Photos, out: Out, as_json: Json = False, **options: Any) -> None:
    """Reconstruct every face of every photo."""
    run("face", photos, out, as_json, options)
