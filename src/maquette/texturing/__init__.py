"""Row 6: the texture: bake the photos onto the mesh, fill what they do not show, paint eyes and mouth."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.options import TextureOptions
from maquette.core.types import Observation, Reconstruction
from maquette.morphable import known
from maquette.texturing.head.texture import finish as finish_head
from maquette.texturing.person.texture import DEFAULTS, finish_person

__all__ = ["finish", "finish_head", "finish_person"]


def finish(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """The reconstruction with a texture: a head by `finish_head`, bodies and surfaces of any other kind by
    `finish_person`."""
    model = known(reconstruction.model)
    head = model is not None and model.rig is None
    return (finish_head if head else finish_person)(reconstruction, observations, options)
