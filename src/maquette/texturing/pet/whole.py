"""The texture of a whole animal: the photo, mirrored on the side that it does not show, carried on elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.morphable import MorphableModel, load
from maquette.morphable.model import SIDES
from maquette.morphable.posing import posed_body, rig_of
from maquette.reconstruction.pet_fit.whole.method import SHIFT
from maquette.texturing.free_surface import Completion, texture_surface
from maquette.texturing.pet.eyes import DEFAULTS as EYES
from maquette.texturing.pet.eyes import IRIS, PetEyes, painted_eyes
from maquette.texturing.pet.fill import carried_on
from maquette.texturing.pet.texture import MOUTH
from maquette.texturing.projection import PhotoPoints, PhotoView, PointColours, check_cameras, photo_view
from maquette.texturing.surface_fill import Filled
from maquette.texturing.texels import Texels

DEFAULTS = TextureOptions()
DOUBT_M = 0.012  # that the outline lies beside the animal: farther in the photo is surely fur
MIRRORED = 64  # confidence of what is mirrored, at most


def finish_whole_pet(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """Texture a whole animal from its photo.

    Args:
        reconstruction: the posed body of animals, one camera and pose.
        observations: one crop, with its mask.
        options: texture size, whether unseen parts are filled.

    Returns:
        The same reconstruction, its mesh with `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S) uint8:
        255 seen in the photo, at most 64 mirrored, 0 invented.

    Raises:
        TypeError: the mesh is of no model. ValueError: not one camera per observation.
    """
    if reconstruction.model is None:
        raise TypeError("finish_whole_pet: wanted a mesh of the body of animals (Reconstruction.model)")
    check_cameras(reconstruction, observations, "finish_whole_pet")
    model, mesh = load(reconstruction.model), reconstruction.shape
    shift = reconstruction.parameters.get(SHIFT, np.zeros((len(mesh.vertices), 2), np.float32))
    view = photo_view(observations[0], reconstruction.cameras[0], mesh.vertices, mesh.faces, shift, DOUBT_M)
    species = (reconstruction.provenance.get("pet") or {}).get("species", "dog")
    lie = lying_fur(mesh, model, posed_body(reconstruction, model, 0).joints)
    completion = Completion(
        np.zeros(len(mesh.vertices)), partial(_fill, model, lie), partial(_paint, model, _usual_eyes(species))
    )
    textured, share = texture_surface(mesh, [view], completion, options)
    if options.fill:
        textured = _with_other_side(textured, view, model, completion, options)
    facts = {"photo_share": round(share, 4), "photos": 1}
    return replace(reconstruction, shape=textured, provenance={**reconstruction.provenance, "surface": facts})


def lying_fur(mesh: Mesh, model: MorphableModel, joints: NDArray) -> NDArray:
    """(V, 3) unit: in which direction the coat runs, along the skin: as the bones under it.

    Args:
        mesh: posed, metres. joints: (B, 3) metres, where the bones begin in that pose.
    """
    rig = rig_of(model)
    ways = np.zeros((len(rig.bones), 3))
    for bone, parent in enumerate(rig.parents):
        if parent >= 0:
            ways[parent] += joints[bone] - joints[parent]
    for bone, parent in enumerate(rig.parents):
        if not (rig.parents == bone).any():
            ways[bone] = joints[bone] - joints[parent]
    ways[rig.parents < 0] = joints[1] - joints[0]
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    along = np.einsum("vw,vwd->vd", rig.bone_weight, ways[rig.bone_index])
    normals = vertex_normals(mesh.vertices.astype(float), mesh.faces)
    along -= (along * normals).sum(axis=1, keepdims=True) * normals
    unit: NDArray = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return unit


def _fill(
    model: MorphableModel, lie: NDArray, mesh: Mesh, toward: NDArray, seen: PointColours, through: PointColours
) -> Filled:
    del toward, through
    return carried_on(model, mesh, seen, lie)


def _usual_eyes(species: str) -> PetEyes:
    iris, pupil = EYES[species]
    return PetEyes(np.array(iris), pupil, IRIS[species], 0.0)


def _paint(model: MorphableModel, eyes: PetEyes, colours: NDArray, texels: Texels, filled: Filled) -> NDArray:
    """Eyes and the inside of the mouth, in place; returns (N,) 0 where painted, else 1."""
    del filled
    part = np.zeros(len(model.faces), np.int8)
    for number, name in enumerate(("eyeLeft", "eyeRight", "mouth"), 1):
        part[model.parts[name]] = number
    here = part[texels.face]
    colours[here == 3] = MOUTH
    for number, side in enumerate(SIDES, 1):
        mine = np.flatnonzero(here == number)
        looking = texels.weights[mine] @ (model.mean - model.eye_centre(model.mean, side)).astype(np.float32)
        looking /= np.maximum(np.linalg.norm(looking, axis=1, keepdims=True), 1e-9)
        colours[mine] = painted_eyes(eyes, looking)
    return (here == 0).astype(np.float32)


def _with_other_side(
    mesh: Mesh, view: PhotoView, model: MorphableModel, completion: Completion, options: TextureOptions
) -> Mesh:
    """The mesh with the photo's other side where it shows none: each point looks where its mirror image is drawn."""
    assert mesh.texture is not None and mesh.texture_confidence is not None, "it was textured"
    twin = replace(view, points=PhotoPoints(view.points.table[model.mirror]))
    other, _ = texture_surface(replace(mesh, texture=None, texture_confidence=None), [twin], completion, options)
    assert other.texture is not None and other.texture_confidence is not None, "it was textured"
    own = mesh.texture_confidence.astype(np.float32) / 255
    share = (1 - own) * np.minimum(other.texture_confidence.astype(np.float32) / 255, 1)
    mixed = mesh.texture + share[..., None] * (other.texture.astype(np.float32) - mesh.texture)
    level = np.maximum(mesh.texture_confidence, (MIRRORED * share).astype(np.uint8))
    return replace(mesh, texture=np.clip(mixed, 0, 255).astype(np.uint8), texture_confidence=level)
