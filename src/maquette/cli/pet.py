"""`maquette pet PHOTO... -o OUT`: the head of every animal of every photo, textured, with fur; or its whole body."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from maquette.cli.flags import with_door
from maquette.cli.reconstruct import run
from maquette.cli.results import Json, Out, Photos
from maquette.core.options import METHODS

Body = Annotated[bool, typer.Option("--body", help="Make the whole animal, rigged, not its head: as --method body.")]


@with_door("pet", method=METHODS["pet"])
def pet(photos: Photos, out: Out, as_json: Json = False, body: Body = False, **options: Any) -> None:
    """Reconstruct the head of every cat, dog or wild cat of every photo, or with --body the whole animal.

    OUT/<photo>/pet-1/ and so on, left to right, hold pet.glb (jaw, lids, ears and tongue move), .obj, .stl, .ply,
    textures, an overview. Use photos that show the face from the front or from the side by up to 60 degrees.
    """
    if body:
        options["method"] = "body"
    run("pet", photos, out, as_json, options)
