"""The texture of a surface without a parametric model: clean, unwrap, project the photos, fill what they leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.geometry.camera import pixels_per_metre
from maquette.geometry.mesh import face_areas
from maquette.texturing.agreement import agreement, feather, priorities
from maquette.texturing.cleaning import clean_surface
from maquette.texturing.images import smoothstep
from maquette.texturing.light import SHARPNESS, gains
from maquette.texturing.projection import PhotoPoints, PhotoView, PointColours, check_cameras, photo_view
from maquette.texturing.surface_fill import Filled, fill_evenly
from maquette.texturing.texels import UNSEEN, Texels, texels_of
from maquette.texturing.unwrap import unwrap

DEFAULTS = TextureOptions()
SQUARE = (0.5, 0.92)  # cosine of surface against view from which, and fully, a photo's colour is carried on
MOST_PHOTOS = 6  # of a clip: more add time, not texture
COARSEST = 0.7  # pixels of the photo per texel up to which a texture of half the size holds the same
LEAST_SIZE = 1024  # texels
CROWD = 0.8  # of the texels, the largest in pixels: so fine has the texture to be

Fill: TypeAlias = Callable[[Mesh, NDArray, PointColours, PointColours], Filled]
"""(mesh, toward, seen, through) -> colours of every vertex; see `fill_evenly`."""
PaintOver: TypeAlias = Callable[[NDArray, Texels, Filled], NDArray]
"""(colours (N, 3), texels, filled) -> (N,) 0 where it painted over the colours, in place, else 1."""

CarryOn: TypeAlias = Callable[[NDArray, NDArray, Texels], None]
"""(colours (N, 3), confidence (N,) 0-255, texels): changes colours in place."""


@dataclass(frozen=True, eq=False)
class Completion:
    """How the parts are completed that no photo shows.

    Attributes:
        like_front: (V,) 0-1: how far what a photo shows is believed of what lies behind it too.
        fill: colours of all vertices.
        paint: parts that are painted in the end, or None.
        detail: what is carried on last where a photo shows little, or None.
        plain: (V,) 0-1, how far the photo as `plainly` gives it goes through in its place; None: nowhere.
    """

    like_front: NDArray
    fill: Fill
    paint: PaintOver | None = None
    detail: CarryOn | None = None
    plain: NDArray | None = None
    plainly: Callable[[PhotoView], NDArray] | None = None


@dataclass(frozen=True, eq=False)
class _Mixed:
    """Photos brought to n points: seen, and seen through the subject."""

    own: PointColours
    through: PointColours


def finish_surface(
    reconstruction: Reconstruction, observations: Sequence[Observation], options: TextureOptions = DEFAULTS
) -> Reconstruction:
    """Texture any mesh of any subject from the photos.

    Args:
        reconstruction: a mesh, metres, world, and one camera per observation; with `motion` the surface has its own
            pose in each photo. Without uvs the mesh is cleaned, unless `motion` follows its vertices, and unwrapped;
            with them it is left as it is.
        observations: the crops, with masks.
        options: texture size, and whether unseen parts are filled.

    Returns:
        The same reconstruction, its mesh with `uvs`, `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S)
        uint8: 255 seen in a photo, 0 invented; `provenance["surface"]` reports what was cleaned and seen.

    Raises:
        ValueError: not one camera per observation.
        NothingFound: a mesh without uvs encloses nothing.
    """
    check_cameras(reconstruction, observations, "finish_surface")
    mesh, cameras, motion = reconstruction.shape, reconstruction.cameras, reconstruction.motion
    facts: dict[str, object] = {}
    if mesh.uvs is None:
        mesh, facts = prepare_surface(mesh, clean=motion is None)
    chosen = choose_photos(observations, cameras, motion is not None)
    views = []
    for k in chosen:
        vertices = mesh.vertices if motion is None or k == 0 else motion[k]
        views.append(photo_view(observations[k], cameras[k], vertices, mesh.faces))
    toward = np.stack([view.toward.mean(axis=0) for view in views])
    sharp = [sharpness(observations[k], cameras[k]) for k in chosen]
    rank = priorities(sharp, [None] * len(views), toward, np.zeros(len(mesh.vertices)))
    views = [view.weighted(feather(view.trust(), view.faces), order) for view, order in zip(views, rank)]
    textured, share = texture_surface(mesh, views, Completion(np.zeros(len(mesh.vertices)), fill_evenly), options)
    facts = {**facts, "photo_share": round(share, 4), "photos": len(views)}
    return replace(reconstruction, shape=textured, provenance={**reconstruction.provenance, "surface": facts})


def prepare_surface(mesh: Mesh, body: NDArray | None = None, clean: bool = True) -> tuple[Mesh, dict[str, object]]:
    """A surface cleaned, if wanted, and unwrapped, and what there was to clean; `body` as in `clean_surface`."""
    if not clean:
        return unwrap(mesh), {}
    done = clean_surface(mesh, body)
    facts: dict[str, object] = {name: getattr(done, name) for name in ("pieces", "kept", "faces_before", "closed")}
    return unwrap(done.mesh), facts | {"volume_cm3": round(done.volume_cm3, 1)}


def choose_photos(observations: Sequence[Observation], cameras: Sequence[Camera], movable: bool) -> list[int]:
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
    """How much detail a photo shows per metre of the subject, 0 and more: the mean gradient times pixels per metre."""
    grey = cv2.cvtColor(observation.frame.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    inside = observation.mask > 0.5
    scale = pixels_per_metre(camera, float(camera.world_to_camera[2, 3]))
    return float(steep[inside].mean() * scale) * observation.confidence if inside.any() else 0.0


def texture_surface(
    mesh: Mesh, views: Sequence[PhotoView], completion: Completion, options: TextureOptions
) -> tuple[Mesh, float]:
    """The mesh (with uvs) with its texture, and which share of its area a photo shows.

    Args:
        views: of the mesh's vertices; the first shows it as it is.
    """
    step = pixels_per_texel(mesh, views, options.texture_size)
    size = options.texture_size
    while size >= 2 * LEAST_SIZE and 2 * step <= COARSEST:
        size, step = size // 2, 2 * step
    texels = texels_of(mesh, size)
    area = face_areas(mesh.vertices.astype(float), mesh.faces)
    edge = float(np.median(np.sqrt(area)) * views[0].metre)
    factors = _gains(views)
    views = _agreed(views, factors, edge, mesh, completion)
    through = [_through(view, completion.like_front) for view in views]
    behind = [replace(view, photo=completion.plainly(view)) for view in views] if completion.plainly else None
    coarse = _mixed(views, [view.points for view in views], through, factors, edge, completion.plain, behind)
    # Other photos show other poses; the surface that is filled has the first one's.
    toward = np.stack([view.toward.mean(axis=0) for view in views])
    # Light from behind lies on the rim of a photo: it must not go on around the subject.
    square = np.max([smoothstep(view.points.cosine, *SQUARE) for view in views], axis=0)
    own = PointColours(coarse.own.colours, coarse.own.trust * square)
    filled = completion.fill(mesh, toward, own, coarse.through)
    places = [PhotoPoints(texels.spread(view.points.table)) for view in views]
    parts = [texels.spread(t) for t in through]
    plain = None if completion.plain is None else texels.spread(completion.plain.astype(np.float32))
    fine = _mixed(views, places, parts, factors, step, plain, behind)
    seen = fine.own.trust
    if options.fill:
        colours = _composed(fine, texels, filled)
        confidence = 255 * np.maximum(seen, texels.spread(filled.guessed))
        if completion.paint is not None:
            confidence *= completion.paint(colours, texels, filled)
        if completion.detail is not None:
            completion.detail(colours, confidence, texels)
    else:
        colours = np.where(seen[:, None] > 0, fine.own.colours, UNSEEN)
        confidence = 255 * seen
    share = float((area * coarse.own.trust[mesh.faces].mean(axis=1)).sum() / max(area.sum(), 1e-12))
    picture, level = (texels.picture(x, options.texture_size) for x in (colours, confidence))
    return replace(mesh, texture=picture, texture_confidence=level), share


def pixels_per_texel(mesh: Mesh, views: Sequence[PhotoView], size: int) -> float:
    """Width of a texel in pixels of the finest photo, for the larger ones of a texture."""
    assert mesh.uvs is not None and mesh.uv_faces is not None, "the mesh is unwrapped before"
    area = face_areas(mesh.vertices.astype(float), mesh.faces)
    corners = mesh.uvs[mesh.uv_faces].astype(float)
    flat = np.column_stack([corners[:, k] - corners[:, 0] for k in (1, 2)])
    texels = np.abs(flat[:, 0] * flat[:, 3] - flat[:, 1] * flat[:, 2]) / 2 * size**2
    width = np.sqrt(area / np.maximum(texels, 1e-9))
    order = np.argsort(width)
    middle = width[order][np.searchsorted(np.cumsum(area[order]), CROWD * area.sum())]
    return float(middle * max(view.metre for view in views))


def _agreed(
    views: Sequence[PhotoView], factors: NDArray, edge: float, mesh: Mesh, completion: Completion
) -> list[PhotoView]:
    """The photos without what only one shows against what the first lets expect."""
    if len(views) == 1:
        return list(views)
    first = views[0]
    colours = np.stack([view.colours(view.points, edge) * factor for view, factor in zip(views, factors)])
    trust = np.stack([view.trust() for view in views])
    alone = PointColours(colours[0], trust[0] * smoothstep(first.points.cosine, *SQUARE))
    behind = PointColours(colours[0], _through(first, completion.like_front))
    expected = completion.fill(mesh, first.toward.mean(axis=0)[None], alone, behind).colours
    return [
        view.weighted(view.points.share * share, view.points.rank)
        for view, share in zip(views, agreement(colours, trust, expected))
    ]


def _through(view: PhotoView, like_front: NDArray) -> NDArray:
    """(V,) 0-1: how far a photo counts for what lies behind what it shows.

    It takes the least of each vertex and its neighbours: a triangle half of which shows an arm shows nothing.
    """
    if not like_front.any():
        return np.zeros(len(like_front), np.float32)
    weight = view.trust_through() * like_front
    least = weight[view.faces].min(axis=1)
    out = weight.copy()
    for corner in range(3):
        np.minimum.at(out, view.faces[:, corner], least)
    return out


def _gains(views: Sequence[PhotoView]) -> NDArray:
    """(N, 3) factors that bring the photos to one light, from the vertices that several see."""
    if len(views) == 1:
        return np.ones((1, 3))
    colours = [view.colours(view.points, 2.0).astype(np.float32) for view in views]
    return gains(colours, [view.trust() for view in views])


def _mixed(
    views: Sequence[PhotoView],
    at: Sequence[PhotoPoints],
    through: Sequence[NDArray],
    factors: NDArray,
    step: float,
    plain: NDArray | None = None,
    behind: Sequence[PhotoView] | None = None,
) -> _Mixed:
    """All photos at n points, `through` (n,) per photo; who sees a point most squarely wins.

    Args:
        plain: (n,) 0-1, how far the photos of `behind` go through in place of the photos themselves.
    """
    count = len(through[0])
    sums = [np.zeros((count, 3), np.float32) for _ in range(2)]
    totals = [np.full(count, 1e-12, np.float32) for _ in range(2)]
    best = [np.zeros(count, np.float32) for _ in range(2)]
    for number, (view, place, beyond, factor) in enumerate(zip(views, at, through, factors.astype(np.float32))):
        colours = view.colours(place, step) * factor
        shown = [colours, colours]
        if plain is not None and behind is not None:
            shown[1] = colours + plain[:, None] * (behind[number].colours(place, step) * factor - colours)
        for k, trust in enumerate((view.trust(place), beyond * view.subject(place))):
            share = (trust * np.abs(place.cosine) * place.rank) ** SHARPNESS if len(views) > 1 else trust
            sums[k] += share[:, None] * shown[k]
            totals[k] += share
            np.maximum(best[k], trust, out=best[k])
    own, other = (PointColours(s / t[:, None], b.astype(np.float32)) for s, t, b in zip(sums, totals, best))
    return _Mixed(own, other)


def _composed(fine: _Mixed, texels: Texels, filled: Filled) -> NDArray:
    """(N, 3) float32: photo, else photo through the subject, else fill."""
    out = texels.spread(filled.colours)
    for part in (fine.through, fine.own):
        out += part.trust[:, None] * (part.colours - out)
    return out
