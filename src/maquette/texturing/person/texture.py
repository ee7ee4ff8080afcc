"""The texture of a person: the photos on the surface, eyes, hair and clothes by the body under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.morphable import MorphableModel
from maquette.morphable.posing import posed_body, rig_of
from maquette.texturing.agreement import feather, priorities
from maquette.texturing.free_surface import (
    DEFAULTS,
    Completion,
    choose_photos,
    prepare_surface,
    sharpness,
    texture_surface,
)
from maquette.texturing.head.fill import CAVITY_COLOUR, Palette
from maquette.texturing.images import smoothstep
from maquette.texturing.person.align import face_shift
from maquette.texturing.person.backs import plain_rows
from maquette.texturing.person.garments import fill
from maquette.texturing.person.guide import BodyGuide, HeadFrame, UnderlyingBody, body_of, guide_of, head_of
from maquette.texturing.projection import PhotoView, check_cameras, photo_view, pixels_of
from maquette.texturing.surface_fill import Filled
from maquette.texturing.texels import Texels

FACE_SQUARE = (0.45, 0.85)  # cosine from which, and fully, a head is believed: an edge along a cheek is a streak
DOUBT_M = 0.02  # that the body lies beside the person in photos other than the first
SCLERA, IRIS, PUPIL = np.array([232.0, 224, 218]), np.array([92.0, 66, 46]), np.array([18.0, 16, 16])
IRIS_ANGLE, PUPIL_ANGLE, EDGE = 0.37, 0.13, 0.04  # radians around the middle of an eyeball
MOUTH_DEPTH = 0.6  # of the usual colour inside a mouth: little light gets there


def finish_person(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """Texture a person from the photos.

    Args:
        reconstruction: the posed body model, or a free surface without uvs, which is cleaned and unwrapped here; one
            camera per observation. The body's pose says how it stands in the other photos, and where a free surface
            has its head; without one the first photo's landmarks do.
        observations: the crops, with masks.
        options: texture size, and whether unseen parts are filled.

    Returns:
        The same reconstruction, its mesh with `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S) uint8:
        255 seen in a photo, at most 64 mirrored, 0 invented; `provenance["surface"]` reports what was cleaned and seen.

    Raises:
        ValueError: not one camera per observation.
        NothingFound: a free surface encloses nothing.
    """
    check_cameras(reconstruction, observations, "finish_person")
    mesh, cameras = reconstruction.shape, reconstruction.cameras
    body = _underlying_body(reconstruction, mesh)
    own = body is not None and body.vertices is mesh.vertices
    facts: dict[str, object] = {}
    if mesh.uvs is None:
        still = reconstruction.motion is None
        mesh, facts = prepare_surface(mesh, None if body is None else body.vertices, clean=still)
    guide = guide_of(mesh, body, observations, cameras[0])
    chosen = choose_photos(observations, cameras, own or reconstruction.motion is not None)
    views, heads = [], []
    for k in chosen:
        vertices, points = _pose(reconstruction, body, mesh, k)
        # A free surface was drawn over the photo's own pixels: its face lies right already.
        shift = _shift(observations[k], cameras[k], vertices, points, guide) if own and points is not None else 0.0
        views.append(photo_view(observations[k], cameras[k], vertices, mesh.faces, shift, DOUBT_M if k else 0.0))
        heads.append(None if points is None else head_of(points))
    sharp = [sharpness(observations[k], cameras[k]) for k in chosen]
    views = _ranked(views, sharp, heads, guide, own)
    paint = partial(_paint_inside, body.model) if body is not None and own else None
    completion = Completion(
        guide.like_front(mesh.vertices), partial(fill, guide), paint, plain=guide.trunk, plainly=plain_rows
    )
    textured, share = texture_surface(mesh, views, completion, options)
    facts = {**facts, "photo_share": round(share, 4), "photos": len(views)}
    return replace(reconstruction, shape=textured, provenance={**reconstruction.provenance, "surface": facts})


def _underlying_body(reconstruction: Reconstruction, mesh: Mesh) -> UnderlyingBody | None:
    """The body that was fitted, if any; where the mesh is its own, with the mesh's vertices."""
    model = body_of(reconstruction)
    if model is None:
        return None
    own = reconstruction.model == model.name
    return UnderlyingBody(model, rig_of(model), mesh.vertices if own else posed_body(reconstruction, model, 0).vertices)


def _pose(
    reconstruction: Reconstruction, body: UnderlyingBody | None, mesh: Mesh, number: int
) -> tuple[NDArray, NDArray | None]:
    """The surface as it is in one photo, (V, 3), and the body's key points there, (33, 3), None without a body.

    A free surface without motion stands still.
    """
    motion = reconstruction.motion
    own = mesh.vertices if motion is None or number == 0 else motion[number]
    if body is None:
        return own, None
    posed = body.vertices if number == 0 else posed_body(reconstruction, body.model, number).vertices
    return posed if reconstruction.model == body.model.name else own, body.keypoints(posed)


def _shift(observation: Observation, camera: Camera, vertices: NDArray, points: NDArray, guide: BodyGuide) -> NDArray:
    """(V, 2) pixels from where the camera draws a body to where the photo shows its head."""
    drawn = pixels_of(camera, vertices.astype(float))[0]
    return face_shift(observation, camera, points, drawn) * guide.share[:, None]


def _ranked(
    views: Sequence[PhotoView],
    sharp: Sequence[float],
    heads: Sequence[HeadFrame | None],
    guide: BodyGuide,
    smooth: bool,
) -> list[PhotoView]:
    """The photos with how much each counts, and fading out towards the rim of what they show.

    The normals of `smooth` surfaces show what is seen at a grazing angle; a free one has dents on its cheeks.
    """
    toward = np.stack([view.toward.mean(axis=0) for view in views])
    facing = [None if head is None else head.axes[2] for head in heads]
    rank = priorities(sharp, facing, toward, guide.share)
    out = []
    for view, order in zip(views, rank):
        grazing = smooth * guide.share * (1 - smoothstep(view.points.cosine, *FACE_SQUARE))
        out.append(view.weighted(feather(view.trust(), view.faces) * (1 - grazing), order))
    return out


def _paint_inside(model: MorphableModel, colours: NDArray, texels: Texels, filled: Filled) -> NDArray:
    """Eyes and mouth of the body model, in place; returns (N,) 0 where painted, else 1."""
    palette = Palette(filled.skin, filled.hair, 1.0)
    part = np.zeros(len(model.faces), np.int8)
    for number, name in enumerate(("eyeLeft", "eyeRight", "mouth", "teeth", "tongue"), 1):
        part[model.parts.get(name, np.zeros(0, int))] = number
    here = part[texels.face]
    colours[here >= 3] = MOUTH_DEPTH * palette.lit(CAVITY_COLOUR)
    for number, side in ((1, "Left"), (2, "Right")):
        mine = np.flatnonzero(here == number)
        if not len(mine):
            continue
        away = model.mean - model.eye_centre(model.mean, side)
        looking = texels.weights[mine] @ (away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9))
        angle = np.arctan2(np.linalg.norm(looking[:, :2], axis=1), looking[:, 2])
        white = smoothstep(angle, IRIS_ANGLE - EDGE, IRIS_ANGLE + EDGE)[:, None]
        dark = 1 - smoothstep(angle, PUPIL_ANGLE - EDGE, PUPIL_ANGLE + EDGE)[:, None]
        eye = IRIS + white * (SCLERA - IRIS)
        colours[mine] = palette.lit(eye + dark * (PUPIL - eye))
    return (here == 0).astype(np.float32)
