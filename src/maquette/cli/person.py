"""`maquette person PHOTO... -o OUT`: every person of every photo to a textured body or surface."""

from __future__ import annotations

from typing import Any

from maquette.cli.flags import with_door
from maquette.cli.reconstruct import run
from maquette.cli.results import Json, Out, Photos
from maquette.core.options import METHODS


@with_door("person", method=METHODS["person"])
def person(photos: Photos, out: Out, as_json: Json = False, **options: Any) -> None:
    """Reconstruct every person of every photo.

    OUT/<photo>/person-1/ and so on, left to right, hold person.glb, .obj, .stl, .ply, textures, an overview. With
    --method pifuhd (the default) the mesh is a surface in the photo's pose, without a skeleton; with parametric it is a
    rigged body.
    """
    run("person", photos, out, as_json, options)
