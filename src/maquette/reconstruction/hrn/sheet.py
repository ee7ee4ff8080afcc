"""The contact sheet of HRN's levels: ten pictures of 224 pixels beside each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from maquette.core.types import Reconstruction
from maquette.morphable.bfm import UV_SIDE
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.face_model import SIDE, FaceModel, posed, rotation, shading
from maquette.reconstruction.hrn.raster import raster
from maquette.reconstruction.hrn.result import FaceLevels

GREY = 0.8  # albedo of a grey face
BRIGHTNESS = 0.6  # mean of each colour of its picture
PANELS = 10


def with_sheet(made: Reconstruction, model: FaceModel, face: FaceLevels) -> Reconstruction:
    """The reconstruction with `parameters["levels"]` (224, 2240, 3) uint8, see `sheet`."""
    return replace(made, parameters={**made.parameters, "levels": sheet(model, face)})


@torch.no_grad()
def sheet(model: FaceModel, face: FaceLevels) -> NDArray:
    """(224, 2240, 3) uint8: the crop, the finest level in colour, grey faces of the three levels, deformation,
    displacement, the model's albedo, the detailed one, and what of the texture is valid."""
    low, mid, high = face.low, face.mid, face.high
    photo, found = face.aligned.crops.small, low.coefficients
    points = posed(low.shape, found)
    normals = model.table.draw(model.normals(low.shape) @ rotation(found.angles))
    panels = [
        photo,
        _over(photo, model, mid.points, high.colours),
        _over(photo, model, points, _grey(normals, found)),
        _over(photo, model, mid.points, _grey(mid.normal_map, found)),
        _over(photo, model, mid.points, _grey(high.normal_map, found)),
        *(_stretched(one) for one in (mid.deformation, high.displacement)),
        *(_resized(one) for one in (low.albedo, low.detailed_albedo, low.valid)),
    ]
    together = torch.cat([panel[0].expand(3, -1, -1) for panel in panels], dim=2)
    return np.round(255 * together.clamp(0, 1).permute(1, 2, 0).cpu().numpy()).astype(np.uint8)


def _grey(normals: Tensor, found: Coefficients) -> Tensor:
    """(1, 3, S, S) of a grey face in the photo's light, each colour as bright on average."""
    lit = GREY * shading(normals, found.light)
    return lit * BRIGHTNESS / lit.mean((2, 3), keepdim=True)


def _over(photo: Tensor, model: FaceModel, points: Tensor, texture: Tensor) -> Tensor:
    """The face with a texture over the photo."""
    seen = raster(model, points[0], SIDE, UV_SIDE)
    return seen.look(texture) + (1 - seen.mask) * photo


def _resized(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, (SIDE, SIDE), mode="bilinear")


def _stretched(maps: Tensor) -> Tensor:
    """A map from its least to its largest number."""
    low, high = maps.min(), maps.max()
    return _resized((maps - low) / (high - low).clamp(min=1e-9))
