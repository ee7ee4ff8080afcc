"""The texture's residual: what is left between the lit face and the photo, fitted texel by texel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maquette.reconstruction.hrn.face_model import SIDE, FaceModel
from maquette.reconstruction.hrn.fit.losses import SEVERAL_VIEWS, photo_loss, smooth_loss
from maquette.reconstruction.hrn.raster import raster


@dataclass(frozen=True)
class ResidualFit:
    """How the residual is fitted; the defaults are the published ones."""

    steps: int = 100
    rate: float = 0.01
    smooth: float = 10.0


PUBLISHED = ResidualFit()


def residual(model: FaceModel, points: Tensor, colours: Tensor, photo: Tensor, how: ResidualFit = PUBLISHED) -> Tensor:
    """(1, 3, S, S) to add to a lit texture so that the face looks like the photo.

    The face stays where it is, so the raster is made once: published, every step draws it anew, twice.

    Args:
        points: (V, 3) posed. colours: (1, 3, S, S) lit. photo: (1, 3, 224, 224) in 0-1.
    """
    with torch.no_grad():
        seen = raster(model, points, SIDE, colours.shape[-1])
        wanted = photo.flatten(2)[:, :, seen.pixels]
    mask = torch.ones_like(wanted[:, :1])
    colours = colours.detach()
    offset = torch.zeros_like(colours).requires_grad_()
    optimiser = torch.optim.Adam([offset], lr=how.rate)
    for _ in range(how.steps):
        with torch.enable_grad():
            drawn = seen.colours(colours + offset)
            loss = SEVERAL_VIEWS.photo * photo_loss(drawn, wanted, mask) + how.smooth * smooth_loss(offset)
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
    return offset.detach()
