"""The whole story of a person's texture: clean, unwrap, project the photos, fill what is left, paint the eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.geometry.mesh import face_areas
from maquette.morphable import MorphableModel
from maquette.morphable.posing import posed_body
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.blend import SHARPNESS, gains
from maquette.texturing.head.fill import CAVITY_COLOUR, Palette
from maquette.texturing.person.agree import agreement, feathered, priorities
from maquette.texturing.person.garments import Filled, fill
from maquette.texturing.person.guide import SCHEME, Guide, Head, body_of, guide_of, head_of
from maquette.texturing.person.tidy import tidied
from maquette.texturing.person.unwrap import unwrapped
from maquette.texturing.projection import Shown, believed, shown
from maquette.texturing.pyramid import picked, smoothstep
from maquette.texturing.texels import Texels, texels_of

DEFAULTS = TextureOptions()
SQUARE = (0.5, 0.92)  # cosine of surface against view from which, and fully, a photo's colour is carried on
FACE_SQUARE = (0.45, 0.85)  # likewise, for a head: smeared along a cheek its edge is a streak
UNSEEN = 127  # grey of texels that no photo shows when nothing is filled
MOST_PHOTOS = 6  # of a clip: more add time, not texture
COARSEST = 0.7  # pixels of the photo per texel up to which a texture of half the size holds the same
LEAST_SIZE = 1024  # texels
CROWD = 0.8  # of the texels, the largest in pixels: so fine has the texture to be
DOUBT_M = 0.02  # that the body lies beside the person in photos other than the first
SCLERA, IRIS, PUPIL = np.array([232.0, 224, 218]), np.array([92.0, 66, 46]), np.array([18.0, 16, 16])
IRIS_ANGLE, PUPIL_ANGLE, EDGE = 0.37, 0.13, 0.04  # radians around the middle of an eyeball
MOUTH_DEPTH = 0.6  # of the usual colour inside a mouth: little light gets there


@dataclass(frozen=True, eq=False)
class _Mixed:
    """Photos brought to n points: colours (n, 3) float32 seen, and seen through the body; trust (n,) of each."""

    own: tuple[NDArray, NDArray]
    through: tuple[NDArray, NDArray]


def finish_person(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """Texture a person from the photos.

    Args:
        reconstruction: the posed body model, or a free surface without uvs, which is cleaned and unwrapped here; one
            camera per observation. The body's pose says how it stands in the other photos, and where a free surface
            has its head; without one the first photo's landmarks say it.
        observations: the crops, with masks.
        options: texture size, and whether unseen parts are filled.

    Returns:
        The same reconstruction, its mesh with `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S) uint8:
        255 seen in a photo, at most 64 mirrored, 0 invented; `provenance["surface"]` tells what was cleaned and seen.

    Raises:
        TypeError: the shape is not a mesh. ValueError: not one camera per observation.
        NothingFound: a free surface encloses nothing.
    """
    mesh, cameras = reconstruction.shape, reconstruction.cameras
    if not isinstance(mesh, Mesh):
        raise TypeError(f"finish_person: wanted a mesh, got {type(mesh).__name__}")
    if len(cameras) != len(observations) or not observations:
        raise ValueError(
            f"finish_person: wanted one camera per observation, got {len(cameras)} cameras"
            f" for {len(observations)} observations"
        )
    model = body_of(reconstruction)
    own = model is not None and reconstruction.model == model.name
    body = None if model is None else mesh.vertices if own else posed_body(reconstruction, model, 0).vertices
    mesh, facts = (mesh, {}) if mesh.uvs is not None else _made_ready(mesh, body)
    chosen = chosen_photos(observations, cameras, own or reconstruction.motion is not None)
    guide = guide_of(mesh, None if body is None else (model, body), observations, cameras[0])
    views, heads = [], []
    for k in chosen:
        points = None if body is None else model.rig.keypoints_of(SCHEME, _body(reconstruction, model, body, k))
        surface, head = (_pose(reconstruction, model, mesh, own, k), mesh.faces), None
        if points is not None:
            # A free surface was drawn over the photo's own pixels: its face lies right already.
            head = (points, guide.share) if own else None
            heads.append(head_of(points))
        views.append(shown(observations[k], cameras[k], surface, head, DOUBT_M if k else 0.0))
    sharp = [sharpness(observations[k], cameras[k]) for k in chosen]
    views = _ranked(views, sharp, heads or [None] * len(views), guide, own)
    textured, share = _textured(mesh, views, guide, options, model if own else None)
    facts = {**facts, "photo_share": round(share, 4), "photos": len(views)}
    return replace(reconstruction, shape=textured, provenance={**reconstruction.provenance, "surface": facts})


def _made_ready(mesh: Mesh, body: NDArray | None) -> tuple[Mesh, dict]:
    """A free surface cleaned and unwrapped, and what there was to clean."""
    clean = tidied(mesh, body)
    names = ("pieces", "kept", "faces_before", "closed")
    facts = {name: getattr(clean, name) for name in names} | {"volume_cm3": round(clean.volume_cm3, 1)}
    return unwrapped(clean.mesh), facts


def _pose(reconstruction: Reconstruction, model: MorphableModel | None, mesh: Mesh, own: bool, number: int) -> NDArray:
    """(V, 3) the surface as it is in one photo; a free one without motion stands still."""
    if number == 0:
        return mesh.vertices
    if own:
        return posed_body(reconstruction, model, number).vertices
    motion = reconstruction.motion
    return mesh.vertices if motion is None or motion.shape[1] != len(mesh.vertices) else motion[number]


def _body(reconstruction: Reconstruction, model: MorphableModel, first: NDArray, number: int) -> NDArray:
    """(B, 3) float64 the fitted body as it is in one photo."""
    return (first if number == 0 else posed_body(reconstruction, model, number).vertices).astype(float)


def chosen_photos(observations: Sequence[Observation], cameras: Sequence[Camera], movable: bool) -> list[int]:
    """Which photos make the texture: the first, and up to five that show other sides sharply.

    A free surface has the pose of its first frame: of a clip it takes only that.
    """
    if not movable and any(o.frame.time is not None for o in observations):
        return [0]
    if len(observations) <= MOST_PHOTOS:
        return list(range(len(observations)))
    worth = np.array([sharpness(o, c) for o, c in zip(observations, cameras)])
    views = np.array([c.world_to_camera[2, :3] for c in cameras])
    chosen = [0]
    while len(chosen) < MOST_PHOTOS:
        new = 0.05 + 1 - (views @ views[chosen].T).max(axis=1)
        score = new * worth
        score[chosen] = -1
        chosen.append(int(score.argmax()))
    return sorted(chosen)


def sharpness(observation: Observation, camera: Camera) -> float:
    """How much detail a photo shows per metre of the person, 0 and more: the mean gradient times pixels per metre."""
    grey = cv2.cvtColor(observation.frame.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    inside = observation.mask > 0.5
    return float(steep[inside].mean() * camera.intrinsics[0, 0]) * observation.confidence if inside.any() else 0.0


def _ranked(
    views: Sequence[Shown], sharp: Sequence[float], heads: Sequence[Head | None], guide: Guide, smooth: bool
) -> list[Shown]:
    """The photos with how much each counts, and fading out towards the rim of what they show.

    `smooth` surfaces tell by their normals what is seen aslant; a free one has dents on its cheeks.
    """
    rank = priorities(sharp, heads, np.stack([view.toward.mean(axis=0) for view in views]), guide.share)
    out = []
    for view, order in zip(views, rank):
        aslant = smooth * guide.share * (1 - smoothstep(view.at[:, 3], *FACE_SQUARE))
        out.append(believed(view, feathered(view.trust(view.at), view.faces) * (1 - aslant), order))
    return out


def _agreed(views: Sequence[Shown], through: Sequence[NDArray], factors: NDArray, edge: float, guide: Guide) -> list:
    """The photos without what only one shows against what the first lets expect."""
    if len(views) == 1:
        return list(views)
    first = views[0]
    colours = np.stack([view.colours(view.at[:, 4:6], edge) * factor for view, factor in zip(views, factors)])
    trust = np.stack([view.trust(view.at) for view in views])
    alone = colours[0], trust[0] * smoothstep(first.at[:, 3], *SQUARE)
    surface = first.vertices, first.faces
    expected = fill(surface, guide, first.toward.mean(axis=0)[None], alone, (colours[0], through[0])).colours
    return [
        believed(view, view.at[:, 6] * share, view.at[:, 7])
        for view, share in zip(views, agreement(colours, trust, expected))
    ]


def _textured(
    mesh: Mesh, views: Sequence[Shown], guide: Guide, options: TextureOptions, model: MorphableModel | None
) -> tuple[Mesh, float]:
    """The mesh with its texture, and which share of its area a photo shows."""
    step = pixels_per_texel(mesh, views, options.texture_size)
    size = options.texture_size
    while size >= 2 * LEAST_SIZE and 2 * step <= COARSEST:
        size, step = size // 2, 2 * step
    texels = texels_of(mesh, size)
    like = guide.like_front(mesh.vertices)
    through = [_cautious(view.through() * like, mesh.faces) for view in views]
    edge = np.median(np.sqrt(face_areas(mesh.vertices.astype(float), mesh.faces))) * views[0].metre
    factors = _gains(views)
    views = _agreed(views, through, factors, float(edge), guide)
    through = [_cautious(view.through() * like, mesh.faces) for view in views]
    coarse = _mixed(views, [v.at for v in views], through, factors, float(edge))
    # Other photos show other poses; the surface that is filled has the first one's.
    toward = np.stack([view.toward.mean(axis=0) for view in views])
    # Light from behind lies on the rim of a photo: it must not go on around the body.
    square = np.max([smoothstep(view.at[:, 3], *SQUARE) for view in views], axis=0)
    own = coarse.own[0], coarse.own[1] * square
    filled = fill((mesh.vertices.astype(float), mesh.faces), guide, toward, own, coarse.through)
    places = [texels.spread(np.column_stack([v.at, t])) for v, t in zip(views, through)]
    fine = _mixed(views, [p[:, :-1] for p in places], [p[:, -1] for p in places], factors, step)
    seen = fine.own[1]
    if options.fill:
        colours = _composed(fine, texels, filled)
        confidence = 255 * np.maximum(seen, texels.spread(filled.guessed))
        if model is not None:
            confidence *= _paint_inside(colours, texels, model, filled)
    else:
        colours = np.where(seen[:, None] > 0, fine.own[0], UNSEEN)
        confidence = 255 * seen
    area = face_areas(mesh.vertices.astype(float), mesh.faces)
    share = float((area * coarse.own[1][mesh.faces].mean(axis=1)).sum() / max(area.sum(), 1e-12))
    picture, level = (texels.picture(x, options.texture_size) for x in (colours, confidence))
    return replace(mesh, texture=picture, texture_confidence=level), share


def pixels_per_texel(mesh: Mesh, views: Sequence[Shown], size: int) -> float:
    """Width of a texel in pixels of the finest photo, for the larger ones of a texture."""
    area = face_areas(mesh.vertices.astype(float), mesh.faces)
    corners = mesh.uvs[mesh.uv_faces].astype(float)
    flat = np.column_stack([corners[:, k] - corners[:, 0] for k in (1, 2)])
    texels = np.abs(flat[:, 0] * flat[:, 3] - flat[:, 1] * flat[:, 2]) / 2 * size**2
    width = np.sqrt(area / np.maximum(texels, 1e-9))
    order = np.argsort(width)
    middle = width[order][np.searchsorted(np.cumsum(area[order]), CROWD * area.sum())]
    return float(middle * max(view.metre for view in views))


def _cautious(weight: NDArray, faces: NDArray) -> NDArray:
    """(V,) the least of each vertex and its neighbours: a triangle half of which shows an arm shows nothing."""
    least = weight[faces].min(axis=1)
    out = weight.copy()
    for corner in range(3):
        np.minimum.at(out, faces[:, corner], least)
    return out


def _gains(views: Sequence[Shown]) -> NDArray:
    """(N, 3) factors that bring the photos to one light, from the vertices that several see."""
    if len(views) == 1:
        return np.ones((1, 3))
    columns = []
    for view in views:
        trust = view.trust(view.at)[:, None]
        colours = view.colours(view.at[:, 4:6], 2.0)[:, None]
        columns.append(Baked(colours, colours.astype(np.float32), trust, 0 * trust, 0 * trust + 1, None))
    return gains(columns)


def _mixed(
    views: Sequence[Shown], at: Sequence[NDArray], through: Sequence[NDArray], factors: NDArray, step: float
) -> _Mixed:
    """All photos at n points: `at` (n, 8) and `through` (n,) per photo; who sees a point most squarely wins."""
    count = len(at[0])
    sums = [np.zeros((count, 3), np.float32) for _ in range(2)]
    totals = [np.full(count, 1e-12, np.float32) for _ in range(2)]
    best = [np.zeros(count, np.float32) for _ in range(2)]
    for view, place, behind, factor in zip(views, at, through, factors.astype(np.float32)):
        colours = view.colours(place[:, 4:6], step) * factor
        trusted = view.trust(place), behind * smoothstep(picked(view.mask, place[:, 4:6]), 0.5, 0.95)
        for k, trust in enumerate(trusted):
            share = (trust * np.abs(place[:, 3]) * place[:, 7]) ** SHARPNESS if len(views) > 1 else trust
            sums[k] += share[:, None] * colours
            totals[k] += share
            np.maximum(best[k], trust, out=best[k])
    own, other = ((s / t[:, None], b.astype(np.float32)) for s, t, b in zip(sums, totals, best))
    return _Mixed(own, other)


def _composed(fine: _Mixed, texels: Texels, filled: Filled) -> NDArray:
    """(N, 3) float32: photo, else photo through the body, else fill."""
    out = texels.spread(filled.colours)
    for colours, trust in (fine.through, fine.own):
        out += trust[:, None] * (colours - out)
    return out


def _paint_inside(colours: NDArray, texels: Texels, model: MorphableModel, filled: Filled) -> NDArray:
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
