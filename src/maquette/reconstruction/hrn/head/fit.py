"""The head fitted to one photo: first where it is, then shape, colours and light, with two maps of each.

Steps, rates and weights are the published ones. Published, every step draws the head anew on a GPU; here it is asked
again every few steps which triangle each pixel sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maquette.reconstruction.hrn.align import AlignedFace
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.face_model import SIDE, posed, project
from maquette.reconstruction.hrn.fit.losses import (
    LossWeights,
    contour_edges,
    contour_loss,
    even_loss,
    landmark_loss,
    light_loss,
    outside_contour,
    photo_loss,
    prior_loss,
    smooth_loss,
)
from maquette.reconstruction.hrn.head.model import FACE_SIDE, HEAD_SIDE, HeadModel, HeadOffsets
from maquette.reconstruction.hrn.raster import Seen, barycentric, screen, seen_of

PLACED, SHAPED = 150, 100  # steps that move the head, and that change it
PLACE_RATE, SHAPE_RATE = 0.1, 1e-3
PLACE_COLOUR = 0.1  # of the colours' weight while the head is placed
REDRAWN = 5  # steps after which it is asked anew which triangle each pixel sees
WEIGHTS = LossWeights(smooth=1e4, even=5e4)
COLOUR_SIZE = 10.0  # weight of the size of the colours that are added to the face
SCALP_SMOOTH, SCALP_EVEN = 1e2, 5e2
OUTLINE = 20.0  # of the agreement of the head's outline with the photo's
FREED = ("identity", "expression", "albedo", "light")
MAPS = ("face", "colours", "scalp", "neck_colours")


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head as the photo shows it.

    Attributes:
        coefficients: of one head. offsets: see `HeadOffsets`.
        outside: (K,) bool, vertices of the face that lie outside the photo's face in the end.
        losses: of each step.
    """

    coefficients: Coefficients
    offsets: HeadOffsets
    outside: Tensor
    losses: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class _Photo:
    """What the crop shows: the face, the head's pixels, and the edges of the face's mask."""

    face: AlignedFace
    head: Tensor
    edges: tuple[Tensor, Tensor]


def fit(
    model: HeadModel,
    face: AlignedFace,
    head: Tensor,
    found: Coefficients,
    steps: tuple[int, int] = (PLACED, SHAPED),
) -> FittedHead:
    """Fit the head to one crop.

    Args:
        face: cut out at the head's size. head: (1, 1, 224, 224) 0-1, where the photo shows the head, hair and all.
        found: what the network read of the face's own crop.
    """
    photo = _Photo(face, head, contour_edges(face.crops.mask))
    sizes = (FACE_SIDE, FACE_SIDE, HEAD_SIDE, HEAD_SIDE)
    offsets = HeadOffsets(*(found.identity.new_zeros(1, 3, side, side) for side in sizes))
    found, first = _placed(model, photo, found, offsets, steps[0])
    found, offsets, last = _shaped(model, photo, found, offsets, steps[1])
    with torch.no_grad():
        at = project(posed(model.shape(found, offsets), found))[:, : model.face_count]
        outside = outside_contour(at, *photo.edges)[0] > 0
    return FittedHead(found, offsets, outside, (*first, *last))


def _placed(
    model: HeadModel, photo: _Photo, found: Coefficients, offsets: HeadOffsets, steps: int
) -> tuple[Coefficients, list[float]]:
    """The head where the photo shows it; its shape and colours stay."""
    with torch.no_grad():
        shape = model.shape(found, offsets)
        colours = model.colours(found, offsets, model.normals(shape, found))[0]
    moved, losses = found.translation.detach().clone().requires_grad_(), []
    optimiser, seen = torch.optim.Adam([moved], lr=PLACE_RATE), None
    for step in range(steps):
        with torch.enable_grad():
            points = posed(shape, replace(found, translation=moved))
            if seen is None or step % REDRAWN == 0:
                seen = seen_of(model.inner, points[0].detach(), SIDE)
            inner = WEIGHTS.photo * colour_loss(points[0], colours, seen, photo.face.crops.small)
            loss = _marks(model, photo, points) + PLACE_COLOUR * inner
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return replace(found, translation=moved.detach()), losses


def _shaped(
    model: HeadModel, photo: _Photo, found: Coefficients, offsets: HeadOffsets, steps: int
) -> tuple[Coefficients, HeadOffsets, list[float]]:
    """The head as the photo shows it; its place stays."""
    free = {name: getattr(found, name).detach().clone().requires_grad_() for name in FREED}
    maps = {name: getattr(offsets, name).clone().requires_grad_() for name in MAPS}
    now, added = replace(found, **free), HeadOffsets(**maps)
    optimiser, losses = torch.optim.Adam([*maps.values(), *free.values()], lr=SHAPE_RATE), []
    seen: tuple[Seen, Seen] | None = None
    for step in range(steps):
        with torch.enable_grad():
            shape = model.shape(now, added)
            points, normals = posed(shape, now), model.normals(shape, now)
            colours = model.colours(now, added, normals)[0]
            if seen is None or step % REDRAWN == 0:
                inner, outer = (seen_of(part, points[0].detach(), SIDE) for part in (model.inner, model.outer))
                seen = inner, outer
            loss = _drawn(model, photo, points, colours, seen) + _bounds(now, added)
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        losses.append(loss.item())
    kept = {name: value.detach() for name, value in free.items()}
    return replace(found, **kept), HeadOffsets(**{name: value.detach() for name, value in maps.items()}), losses


def _marks(model: HeadModel, photo: _Photo, points: Tensor) -> Tensor:
    at = project(points[:, model.fitted.landmarks])
    return WEIGHTS.landmarks * landmark_loss(at, photo.face.landmarks[None])


def _drawn(model: HeadModel, photo: _Photo, points: Tensor, colours: Tensor, seen: tuple[Seen, Seen]) -> Tensor:
    """What the photo asks for: landmarks, colours of the face and of the head, outlines of both."""
    small = photo.face.crops.small
    colour = sum((colour_loss(points[0], colours, one, small) for one in seen), points.new_zeros(()))
    contour = contour_loss(project(points[:, : model.face_count]), *photo.edges)
    return (
        _marks(model, photo, points)
        + WEIGHTS.photo * colour
        + WEIGHTS.contour * contour
        + OUTLINE * outline_loss(points[0], seen[1], photo.head)
    )


def _bounds(found: Coefficients, offsets: HeadOffsets) -> Tensor:
    """What keeps coefficients and maps in bounds."""
    return (
        WEIGHTS.prior * prior_loss(found, WEIGHTS)
        + WEIGHTS.light * light_loss(found.light)
        + WEIGHTS.smooth * smooth_loss(offsets.face)
        + WEIGHTS.even * even_loss(offsets.face)
        + SCALP_SMOOTH * smooth_loss(offsets.scalp)
        + SCALP_EVEN * even_loss(offsets.scalp)
        + COLOUR_SIZE * offsets.colours.abs().mean()
    )


def colour_loss(points: Tensor, colours: Tensor, seen: Seen, photo: Tensor) -> Tensor:
    """Mean distance of a head's colours to the photo where it is seen.

    Args:
        points, colours: (V, 3), posed. photo: (1, 3, 224, 224).
    """
    drawn = _mixed(points, colours, seen).T[None]
    wanted = photo.flatten(2)[:, :, seen.pixels]
    return photo_loss(drawn, wanted, torch.ones_like(wanted[:, :1]))


def outline_loss(points: Tensor, seen: Seen, head: Tensor) -> Tensor:
    """One less the overlap (Dice's) of the head that is drawn with the photo's (1, 1, 224, 224)."""
    hit = head.new_zeros(SIDE**2)
    hit[seen.pixels] = 1
    drawn = _mixed(points, occupancy(points, hit.view(SIDE, SIDE))[:, None], seen)[:, 0]
    wanted = head.flatten()
    return 1 - (2 * (drawn * wanted[seen.pixels]).sum() + 1) / (drawn.sum() + wanted.sum() + 1)


def occupancy(points: Tensor, hit: Tensor) -> Tensor:
    """(V,): 1 at vertices among pixels that see the head, less at its edge, growing as they move outwards.

    Args:
        points: (V, 3) posed. hit: (224, 224), 1 where a pixel sees the head.
    """
    x, y = project(points[None])[0].unbind(-1)
    right = x.detach().ceil().long().clamp(1, SIDE - 1)
    top = SIDE - y.detach().ceil().long().clamp(2, SIDE)
    across, down = x - right + 1, SIDE - y - top  # from the left pixel, and from the upper one
    total = torch.zeros_like(x)
    for left in (1, 0):
        for below in (0, 1):
            side, height = (across if left else 1 - across), (1 - down if below else down)
            total = total + hit[top + below, right - left] * (side + height)
    return total / 4


def _mixed(points: Tensor, values: Tensor, seen: Seen) -> Tensor:
    """(M, C): values (V, C) at the pixels that see them."""
    weights = barycentric(screen(points, SIDE), seen.corners, seen.pixels, SIDE)
    return (weights[:, :, None] * values[seen.corners]).sum(1)
