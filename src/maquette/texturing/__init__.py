"""Row 6: the texture: bake the photos onto the mesh, fill what they do not show, paint eyes and mouth."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.options import TextureOptions
from maquette.core.types import Observation, Reconstruction, Subject
from maquette.texturing.free_surface import DEFAULTS, finish_surface
from maquette.texturing.head.texture import finish as finish_head
from maquette.texturing.person.texture import finish_person

__all__ = ["finish", "finish_head", "finish_person", "finish_surface"]


def finish(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """The reconstruction with a texture, as its subject wants it: see `finish_head` and `finish_person`."""
    person = bool(observations) and observations[0].subject is Subject.PERSON
    return (finish_person if person else finish_head)(reconstruction, observations, options)
