"""Several photos of one person at once: one identity and one deformation; pose, light, expression, relief per photo.

Published, each photo keeps a mesh of its own. Here the reliefs are mixed in the end by where each photo shows the face,
so that one mesh comes out, and a pose and an expression for each photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maquette.morphable.bfm import UV_SIDE
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.detail import HRN, HighLevel, MidLevel, at_middle, deformed, displaced
from maquette.reconstruction.hrn.face_model import SIDE, project
from maquette.reconstruction.hrn.fit.losses import (
    SEVERAL_VIEWS,
    LossWeights,
    contour_edges,
    contour_loss,
    even_loss,
    landmark_loss,
    light_loss,
    photo_loss,
    prior_loss,
    smooth_loss,
)
from maquette.reconstruction.hrn.raster import Seen, raster, seen_by
from maquette.reconstruction.hrn.result import FaceLevels

ITERATIONS, RATE = 50, 1e-3
REDRAWN = 10  # iterations after which it is asked anew which triangle each pixel sees
OWN = ("expression", "angles", "light", "translation")  # coefficients that each photo has for itself


@dataclass(frozen=True, eq=False)
class SolvedViews:
    """What several photos agree on.

    Attributes:
        faces: one per photo, all with the same identity, deformation and displacement.
        losses: of each iteration, the sum over photos.
    """

    faces: tuple[FaceLevels, ...]
    losses: tuple[float, ...]


@dataclass(eq=False)
class _View:
    """One photo during the fit; tensors with gradients are changed in place."""

    face: FaceLevels
    own: dict[str, Tensor]
    displacement: Tensor
    left: Tensor
    right: Tensor
    mask: Tensor
    seen: Seen | None = None


def solve(
    ready: HRN,
    faces: Sequence[FaceLevels],
    iterations: int = ITERATIONS,
    weights: LossWeights = SEVERAL_VIEWS,
) -> SolvedViews:
    """Fit all photos together.

    The albedo stays as the networks gave it: nothing that is drawn depends on its coefficients.

    Args:
        faces: what HRN found in each photo alone, at least one.
    """
    identity = torch.stack([face.low.coefficients.identity for face in faces]).mean(0).clone().requires_grad_()
    deformation = torch.stack([face.mid.deformation for face in faces]).mean(0).clone().requires_grad_()
    views = [_view(face) for face in faces]
    changed = [deformation, identity, *(view.displacement for view in views)]
    changed += [value for view in views for value in view.own.values()]
    optimiser, losses = torch.optim.Adam(changed, lr=RATE), []
    for iteration in range(iterations):
        optimiser.zero_grad()
        total = 0.0
        for view in views:
            view.seen = None if iteration % REDRAWN == 0 else view.seen
            with torch.enable_grad():
                loss = _loss(ready, view, identity, deformation, weights)
                loss.backward()
            total += loss.item()
        optimiser.step()
        losses.append(total)
    return SolvedViews(_fused(ready, views, identity.detach(), deformation.detach()), tuple(losses))


def _view(face: FaceLevels) -> _View:
    found = face.low.coefficients
    left, right = contour_edges(face.aligned.crops.mask)
    return _View(
        face,
        {name: getattr(found, name).detach().clone().requires_grad_() for name in OWN},
        face.high.displacement.detach().clone().requires_grad_(),
        left,
        right,
        at_middle(face.low.valid),
    )


def _coefficients(view: _View, identity: Tensor) -> Coefficients:
    return replace(view.face.low.coefficients, identity=identity, **view.own)


def _loss(ready: HRN, view: _View, identity: Tensor, deformation: Tensor, weights: LossWeights) -> Tensor:
    """Everything that one photo asks for."""
    model, low, found = ready.model, view.face.low, _coefficients(view, identity)
    shape = model.shape(found.identity, found.expression)
    bent, relief = deformation * view.mask, view.displacement * low.valid
    mid = deformed(model, found, shape, bent, low.detailed_albedo)
    high = displaced(mid, relief, low.detailed_albedo, found, ready.compat)
    if view.seen is None:
        view.seen = seen_by(model, mid.points[0].detach(), SIDE)
    drawn = raster(model, mid.points[0], SIDE, UV_SIDE, view.seen)
    photo = view.face.aligned.crops.small.flatten(2)[:, :, drawn.pixels]
    everywhere, at = torch.ones_like(photo[:, :1]), project(mid.points)
    colours = sum(photo_loss(drawn.colours(level), photo, everywhere) for level in (mid.colours, high.colours))
    return (
        weights.photo * colours
        + weights.landmarks * landmark_loss(at[:, model.landmarks], view.face.aligned.landmarks[None])
        + weights.contour * contour_loss(at, view.left, view.right)
        + weights.prior * prior_loss(found, weights)
        + weights.light * light_loss(found.light)
        + weights.smooth * smooth_loss(bent)
        + weights.even * even_loss(bent)
        + weights.relief * relief.abs().mean()
        + weights.relief_smooth * smooth_loss(relief)
        + weights.relief_even * even_loss(relief)
    )


@torch.no_grad()
def _fused(ready: HRN, views: Sequence[_View], identity: Tensor, deformation: Tensor) -> tuple[FaceLevels, ...]:
    """All photos with the same deformation and displacement, each where at least one photo shows the face."""
    valid = torch.stack([view.face.low.valid for view in views])
    known, total = valid.amax(0), valid.sum(0).clamp(min=1e-6)
    relief = (valid * torch.stack([view.displacement.detach() for view in views])).sum(0) / total * known
    bent = deformation * at_middle(known)
    faces = []
    for view in views:
        found = _coefficients(view, identity)
        found = replace(found, **{name: value.detach() for name, value in view.own.items()})
        shape = ready.model.shape(found.identity, found.expression)
        low = replace(view.face.low, coefficients=found, shape=shape, position=ready.model.table.draw(shape))
        mid: MidLevel = deformed(ready.model, found, shape, bent, low.detailed_albedo)
        high: HighLevel = displaced(mid, relief, low.detailed_albedo, found, ready.compat)
        faces.append(replace(view.face, low=replace(low, valid=known), mid=mid, high=high))
    return tuple(faces)
