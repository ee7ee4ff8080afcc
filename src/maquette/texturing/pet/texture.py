"""The texture of an animal's head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Camera, Observation, Reconstruction
from maquette.morphable import MorphableModel, load
from maquette.morphable.model import SIDES
from maquette.morphable.pet import species_of
from maquette.texturing.agreement import feather, priorities
from maquette.texturing.free_surface import Completion, choose_photos, sharpness, texture_surface
from maquette.texturing.images import smoothstep
from maquette.texturing.pet.coat import lay_coat
from maquette.texturing.pet.eyes import PetEyes, beside_eyes, measured_eyes, painted_eyes
from maquette.texturing.pet.fill import fill_pet
from maquette.texturing.pet.fur import with_fur
from maquette.texturing.pet.whiskers import with_whiskers
from maquette.texturing.projection import PhotoView, check_cameras, photo_view
from maquette.texturing.surface_fill import Filled
from maquette.texturing.texels import Texels

DEFAULTS = TextureOptions()
BORDER = 0.1  # of the photo's longer side, along its end, over which it fades
EYES_APART_M = 0.1  # heads are brought to this size: the margins of photos are those of large subjects
MOUTH, TONGUE, TEETH = np.array([74.0, 34, 34]), np.array([196.0, 108, 106]), np.array([226.0, 216, 196])


def finish_pet(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """Texture the head of an animal from its photos, and give it fur.

    Args:
        reconstruction: a mesh of one of the models of pets, one camera per observation.
        observations: the crops, with masks.
        options: texture size, whether unseen parts are filled, how many layers of fur.

    Returns:
        The same reconstruction, its mesh with `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S) uint8:
        255 seen in a photo, at most 64 mirrored, 0 invented; parts `fur` and `whiskers`.

    Raises:
        TypeError: the mesh is of no model. ValueError: not one camera per observation.
    """
    if reconstruction.model is None:
        raise TypeError("finish_pet: wanted a mesh of a model of pets (Reconstruction.model)")
    check_cameras(reconstruction, observations, "finish_pet")
    model, mesh, cameras = load(reconstruction.model), reconstruction.shape, reconstruction.cameras
    species = species_of(reconstruction.model)
    motion = reconstruction.motion
    posed = [mesh.vertices if motion is None else motion[k] for k in range(len(cameras))]
    chosen = choose_photos(observations, cameras, True)
    larger = EYES_APART_M / eye_distance(model, mesh.vertices)
    views = [photo_view(observations[k], _larger(cameras[k], larger), larger * posed[k], mesh.faces) for k in chosen]
    toward = np.stack([view.toward.mean(axis=0) for view in views])
    sharp = [sharpness(observations[k], cameras[k]) for k in chosen]
    rank = priorities(sharp, [None] * len(views), toward, np.zeros(len(mesh.vertices)))
    weights = [_inside(v) * beside_eyes(observations[k], v.points.drawn, species) for k, v in zip(chosen, views)]
    views = [v.weighted(feather(v.trust() * w, v.faces), o) for v, w, o in zip(views, weights, rank)]
    eyes = measured_eyes(observations, cameras, posed, model, species)
    paint, coat = partial(_paint, model, eyes), partial(lay_coat, model)
    completion = Completion(np.zeros(len(mesh.vertices)), partial(fill_pet, model), paint, coat)
    textured, share = texture_surface(mesh, views, completion, options)
    facts = {"photo_share": round(share, 4), "photos": len(views), "eyes_seen": round(eyes.seen, 2)}
    finished = replace(reconstruction, shape=textured, provenance={**reconstruction.provenance, "surface": facts})
    return with_whiskers(with_fur(finished, model, options.fur), model) if options.fur else finished


def eye_distance(model: MorphableModel, vertices: NDArray) -> float:
    """Metres between the middles of the eyes of a head (V, 3) of the model."""
    return float(np.linalg.norm(model.eye_centre(vertices, "Left") - model.eye_centre(vertices, "Right")))


def _inside(view: PhotoView) -> NDArray:
    """(V,) 0-1: 0 at the end of the photo, where a head that it cuts would get an edge."""
    height, width = view.mask.shape
    air = np.minimum(view.points.drawn, np.array([width, height]) - view.points.drawn).min(axis=1)
    return smoothstep(air / max(height, width), 0.0, BORDER)


def _larger(camera: Camera, factor: float) -> Camera:
    """The camera that sees a scene `factor` times as large as the given one sees the scene."""
    world_to_camera = camera.world_to_camera.copy()
    world_to_camera[:3, 3] *= factor
    return replace(camera, world_to_camera=world_to_camera)


def _paint(model: MorphableModel, eyes: PetEyes, colours: NDArray, texels: Texels, filled: Filled) -> NDArray:
    """Eyes and mouth, in place; returns (N,) 0 where painted, else 1."""
    del filled
    part = np.zeros(len(model.faces), np.int8)
    names = ("eyeLeft", "eyeRight", "mouth", "tongue", "teeth")
    for number, name in enumerate(names, 1):
        part[model.parts.get(name, np.zeros(0, int))] = number
    here = part[texels.face]
    for number, colour in ((3, MOUTH), (4, TONGUE), (5, TEETH)):
        colours[here == number] = colour
    for number, side in enumerate(SIDES, 1):
        mine = np.flatnonzero(here == number)
        if not len(mine):
            continue
        away = model.mean - model.eye_centre(model.mean, side)
        looking = texels.weights[mine] @ away.astype(np.float32)
        looking /= np.maximum(np.linalg.norm(looking, axis=1, keepdims=True), 1e-9)
        colours[mine] = painted_eyes(eyes, looking)
    return (here == 0).astype(np.float32)
