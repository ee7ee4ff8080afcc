"""Row 6: the texture: bake the photos onto the mesh, fill what they do not show, paint eyes and mouth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from maquette.core.options import TextureOptions
from maquette.core.types import Observation, Reconstruction, Subject
from maquette.morphable import known
from maquette.morphable.animals.body import PET_BODY
from maquette.perception.pets.schemes import SCHEME
from maquette.texturing.detail.moments import Moments
from maquette.texturing.free_surface import DEFAULTS, finish_surface
from maquette.texturing.hair.finish import with_hair
from maquette.texturing.head.texture import finish_head, prepare
from maquette.texturing.person.texture import finish_person
from maquette.texturing.pet.texture import finish_pet
from maquette.texturing.pet.whole import finish_whole_pet

__all__ = [
    "finish",
    "finish_head",
    "finish_person",
    "finish_pet",
    "finish_surface",
    "finish_whole_pet",
    "prepare",
    "with_hair",
]


def finish(
    reconstruction: Reconstruction,
    observations: Sequence[Observation],
    options: TextureOptions = DEFAULTS,
    moments: Callable[[], Moments] | None = None,
) -> Reconstruction:
    """The reconstruction with a texture.

    The head of a parametric model by `finish_head` and `with_hair`, an animal's by `finish_pet`, a whole animal by
    `finish_whole_pet`, a person by `finish_person`, any other mesh by `finish_surface`. Moments of a clip are of use to
    a head alone, and asked for last.
    """
    model = known(reconstruction.model)
    if model is not None and SCHEME in model.embeddings:
        return finish_pet(reconstruction, observations, options)
    if model is not None and model.name == PET_BODY:
        return finish_whole_pet(reconstruction, observations, options)
    if model is not None and model.rig is None:
        return with_hair(finish_head(reconstruction, observations, options, moments), observations, options)
    person = reconstruction.pose is not None or any(seen.subject is Subject.PERSON for seen in observations)
    return (finish_person if person else finish_surface)(reconstruction, observations, options)
