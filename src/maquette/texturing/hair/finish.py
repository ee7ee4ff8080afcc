"""Hair for a textured head: which, why, and how well it meets the photo's outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Observation, Part, Reconstruction
from maquette.morphable import known
from maquette.morphable.model import MorphableModel
from maquette.morphable.posing import neutral_vertices
from maquette.texturing.hair.choose import Choice, choose, overlap
from maquette.texturing.hair.curl import waved, waviness
from maquette.texturing.hair.grow import HeadSeen, head_seen, part_of, plain_part, shortened, try_on
from maquette.texturing.hair.roots import with_roots
from maquette.texturing.hair.seen import look
from maquette.texturing.hair.styles import HANGING, TO_THE_CHIN
from maquette.texturing.head.layers import layers_of

PAINTED = "painted"


def with_hair(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions
) -> Reconstruction:
    """The head of a parametric model with hair as a part of its own, where a style fits or one is asked for.

    Of several photos the one most from the front is looked at. What was chosen, and why, is in `provenance["hair"]`:
    name ("painted" and "none" have no mesh), why, overlap of hair and style in the photo, 0-1, and the mean distance
    between its outline and the person's, millimetres: bare, placed, bent; and how far it is in waves, 0-1.
    """
    model = known(reconstruction.model)
    if model is None or model.rig is not None:
        return reconstruction
    if options.hair == "none":
        return _noted(reconstruction, Choice(PAINTED, "asked for"))
    posed, neutral = heads_of(reconstruction, model)
    index = int(np.argmin([abs(_yaw(camera.world_to_camera)) for camera in reconstruction.cameras]))
    seen = look(observations[index], reconstruction.cameras[index])
    if seen is None:
        if options.hair == "auto":
            return _noted(reconstruction, Choice(PAINTED, "the photo shows no skin to tell hair from"))
        part = plain_part(options.hair, neutral, model, reconstruction.scale)
        return _grown(_noted(reconstruction, Choice(options.hair, "asked for")), part, neutral, options)
    heads = posed(index), neutral
    head = head_seen(observations[index], reconstruction.cameras[index], seen, heads, model, reconstruction.scale)
    choice = choose(head) if options.hair == "auto" else asked_for(options.hair, head)
    made, waves = choice.part, 0.0
    if choice.trial is not None:
        made = part_of(choice.trial, head)
        name = choice.trial.hair.style.name
        waves = waviness(head) if name in HANGING and name not in TO_THE_CHIN else 0.0
        made = waved(made, waves, head.scale) if waves else made
    noted = _noted(reconstruction, choice, waves)
    return noted if made is None else _grown(noted, made, neutral, options)


def _grown(reconstruction: Reconstruction, hair: Part, neutral: NDArray, options: TextureOptions) -> Reconstruction:
    """The head with hair, whose roots its texture shows."""
    shape = reconstruction.shape
    if shape.texture is not None and options.fill:
        assert reconstruction.model is not None, "hair lies on heads of a model"
        layers = layers_of(reconstruction.model, options.texture_size)
        shape = with_roots(shape, hair, neutral, reconstruction.scale, layers)
    return replace(reconstruction, shape=shape, parts=(*reconstruction.parts, hair))


def asked_for(name: str, head: HeadSeen) -> Choice:
    """A style by its name, whole, parted on the side on which it covers the photo's hair better."""
    trials = [try_on(name, head, flipped, carved=False) for flipped in (False, True)]
    overlaps = [overlap(trial, head) for trial in trials]
    best = int(np.argmax(overlaps))
    return Choice(name, "asked for", shortened(trials[best], head), overlaps[best])


def _yaw(world_to_camera: NDArray) -> float:
    return float(np.arctan2(-world_to_camera[2, 0], -world_to_camera[2, 2]))


def heads_of(reconstruction: Reconstruction, model: MorphableModel) -> tuple[Any, NDArray]:
    """The head as it is in a photo, a function of its index, and without its expression; (V, 3) metres."""

    def posed(index: int) -> NDArray:
        if reconstruction.motion is not None:
            return reconstruction.motion[index]
        if index == 0:
            return reconstruction.shape.vertices
        assert reconstruction.identity is not None and reconstruction.expression is not None, "a mesh of a model"
        return model.vertices(reconstruction.identity, reconstruction.expression[index], reconstruction.scale)

    return posed, neutral_vertices(reconstruction, model)


def _noted(reconstruction: Reconstruction, choice: Choice, waves: float = 0.0) -> Reconstruction:
    facts: dict[str, Any] = {"name": choice.name, "why": choice.why}
    if choice.trial is not None:
        names = ("bare", "placed", "bent")
        facts["overlap"], facts["waves"] = choice.overlap, waves
        facts["outline_error_mm"] = dict(zip(names, choice.trial.errors))
    if choice.part is not None:
        facts["outline_error_mm"] = dict(zip(("bare", "bent"), choice.errors))
    return replace(reconstruction, provenance={**reconstruction.provenance, "hair": facts})
