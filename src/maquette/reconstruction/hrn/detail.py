"""HRN's three levels on aligned crops: the morphable face, its deformation, its displacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from maquette.geometry.surfaces.texel_grid import displaced_normals
from maquette.morphable.bfm import UV_SIDE
from maquette.reconstruction.hrn.coefficients import Coefficients, split
from maquette.reconstruction.hrn.face_model import SIDE, FaceModel, posed, project, rotation, shading
from maquette.reconstruction.hrn.networks.fast import prepared
from maquette.reconstruction.hrn.raster import visible
from maquette.reconstruction.hrn.sampling import MENDED, Compat, at_uvs, sample
from maquette.reconstruction.hrn.weights import HRNNetworks

LARGE = 512  # pixels of the crop that the texture is taken from
DEFORMATION_SIDE = 64  # texels
REACH = 0.1  # decimetres of a full tanh before it is multiplied by alpha or beta
RETOUCHING_SIDE = 512
ERODED, BLURRED = 3, 11  # texels by which the mask of what is valid is taken in, and softened

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Crops:
    """N aligned faces: small (N, 3, 224, 224) and large (N, 3, 512, 512) RGB in 0-1, mask (N, 1, 224, 224) of skin."""

    small: Tensor
    large: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class LowLevel:
    """The morphable face in N crops; maps have S = 256 texels.

    Attributes:
        coefficients: as read. shape: (N, V, 3) decimetres, not posed. position: (N, 3, S, S) of it.
        texture: (N, 3, S, S) the photo's colours. valid: (N, 1, S, S) 0-1 where they are a face's.
        albedo: (N, 3, S, S) of the model. detailed_albedo: (N, 3, S, S) with what the photo shows besides.
    """

    coefficients: Coefficients
    shape: Tensor
    position: Tensor
    texture: Tensor
    valid: Tensor
    albedo: Tensor
    detailed_albedo: Tensor


@dataclass(frozen=True, eq=False)
class MidLevel:
    """The deformed face.

    Attributes:
        deformation: (N, 3, 64, 64) decimetres, added to the unposed shape. shape: (N, V, 3) decimetres, not posed.
        points, normals: (N, V, 3) posed. position, normal_map: (N, 3, S, S) of these.
        colours: (N, 3, S, S) lit, without displacement.
    """

    deformation: Tensor
    shape: Tensor
    points: Tensor
    normals: Tensor
    position: Tensor
    normal_map: Tensor
    colours: Tensor


@dataclass(frozen=True, eq=False)
class HighLevel:
    """The displaced face.

    Attributes:
        displacement: (N, 1, S, S) decimetres along the normals. normal_map: (N, 3, S, S), not of unit length.
        colours: (N, 3, S, S) lit. position: (N, 3, S, S) posed and displaced.
    """

    displacement: Tensor
    normal_map: Tensor
    colours: Tensor
    position: Tensor


@dataclass(frozen=True, eq=False)
class HRN:
    """The networks as they are run, the model, and the quirks that are kept."""

    model: FaceModel
    regress: Network
    deform: Network
    displace: Network
    blend: Network | None
    alpha: float
    beta: float
    compat: Compat = MENDED

    @torch.no_grad()
    def low(self, crops: Crops, smooth: bool = True) -> LowLevel:
        """The morphable face, and the photo's colours on it.

        Args:
            smooth: whether the mask of what is valid is taken in and softened.
        """
        found, model = split(self.regress(crops.small)), self.model
        shape = model.shape(found.identity, found.expression)
        points = posed(shape, found)
        texture = unwrapped(model, points, crops.large, self.compat)
        valid = unwrapped(model, points, crops.mask, self.compat)
        if not self.compat.no_visibility:
            seen = visible(model, points, model.normals(shape) @ rotation(found.angles))
            valid = valid * model.table.spread(seen.to(valid.dtype)[..., None])
        albedo = model.albedo(found.albedo)
        detailed = albedo if self.blend is None else de_retouched(albedo, texture, self.blend)
        return LowLevel(
            found, shape, model.table.draw(shape), texture, softened(valid) if smooth else valid, albedo, detailed
        )

    @torch.no_grad()
    def mid(self, low: LowLevel) -> MidLevel:
        """The deformed face."""
        drawn = self.deform(middle_input(low.position, low.texture))
        deformation = drawn * (REACH * self.alpha) * at_middle(low.valid)
        return deformed(self.model, low.coefficients, low.shape, deformation, low.detailed_albedo)

    @torch.no_grad()
    def high(self, crops: Crops, low: LowLevel, mid: MidLevel) -> HighLevel:
        """The displaced face."""
        texture = unwrapped(self.model, mid.points, crops.large, self.compat)
        drawn = self.displace(finest_input(low.position, texture, mid.deformation))
        displacement = drawn * (REACH * self.beta) * low.valid
        return displaced(mid, displacement, low.detailed_albedo, low.coefficients, self.compat)


def hrn_of(networks: HRNNetworks, model: FaceModel, device: str = "cpu", compat: Compat = MENDED) -> HRN:
    """The networks of a file made ready."""
    blend = networks.retouching
    return HRN(
        model,
        prepared(networks.net_recon, SIDE, device),
        prepared(networks.mid_net, DEFORMATION_SIDE, device),
        prepared(networks.high_net, UV_SIDE, device),
        None if blend is None else prepared(blend, RETOUCHING_SIDE, device),
        networks.alpha,
        networks.beta,
        compat,
    )


def at_middle(maps: Tensor) -> Tensor:
    """(N, C, 64, 64): maps (N, C, S, S) at the deformation's size."""
    return functional.interpolate(maps, (DEFORMATION_SIDE, DEFORMATION_SIDE), mode="bilinear")


def middle_input(position: Tensor, texture: Tensor) -> Tensor:
    """(N, 6, 64, 64): what the deformation is drawn from, of maps (N, 3, S, S)."""
    return at_middle(torch.cat((position, 2 * texture - 1), 1))


def finest_input(position: Tensor, texture: Tensor, deformation: Tensor) -> Tensor:
    """(N, 9, S, S): what the displacement is drawn from; texture as the deformed face has it."""
    enlarged = functional.interpolate(deformation, position.shape[2:], mode="bilinear")
    return torch.cat((position, 2 * texture - 1, enlarged), 1)


def unwrapped(model: FaceModel, points: Tensor, picture: Tensor, compat: Compat) -> Tensor:
    """(N, C, S, S): a crop (N, C, H, H) in the texture's plane, through posed points (N, V, 3)."""
    side = picture.shape[-1]
    at = project(model.table.at(points)) * (side / SIDE)
    half = 0.0 if compat.half_pixel else 0.5
    down = side - (1.0 if compat.half_pixel else half) - at[..., 1]
    found = sample(picture, torch.stack((at[..., 0] - half, down), -1), compat.swap_bilinear_rows)
    corner = picture[:, :, -1, 0] if compat.background_corner_texel else 0.0
    return model.table.spread(found.transpose(1, 2), corner)


def softened(valid: Tensor) -> Tensor:
    """(N, 1, S, S): a mask taken in by a texel and blurred."""
    found = []
    for mask in valid[:, 0].cpu().numpy():
        taken_in = cv2.erode(mask, np.ones((ERODED, ERODED), np.float32))
        found.append(torch.from_numpy(np.asarray(cv2.blur(taken_in, (BLURRED, BLURRED)))))
    return torch.stack(found)[:, None].to(valid)


def de_retouched(albedo: Tensor, texture: Tensor, blend: Network) -> Tensor:
    """(N, 3, S, S): albedo with the moles and lines that the photo has and a retouched photo would lack.

    The network says for each texel how the photo was retouched: T0 = (1 - 2m) T^2 + 2m T, soft light with itself.

    Args:
        albedo, texture: (N, 3, S, S) 0-1. blend: texture in -1 to 1 to m in 0-1.
    """
    size = (RETOUCHING_SIDE, RETOUCHING_SIDE)
    layer = blend(functional.interpolate(2 * texture - 1, size, mode="bilinear"))
    layer = functional.interpolate(layer, texture.shape[2:], mode="bilinear")
    retouched = (1 - 2 * layer) * texture**2 + 2 * layer * texture
    dark = 1 / (1e6 * retouched**3 + 1e-6)  # keeps black texels as they are
    return albedo * (texture + dark) / (retouched + dark)


def deformed(model: FaceModel, found: Coefficients, shape: Tensor, deformation: Tensor, albedo: Tensor) -> MidLevel:
    """The face with a deformation, differentiable by coefficients and deformation.

    Args:
        shape: (N, V, 3) decimetres, not posed. deformation: (N, 3, 64, 64). albedo: (N, 3, S, S).
    """
    changed = shape + at_uvs(deformation, model.uvs)
    points, normals = posed(changed, found), model.normals(changed) @ rotation(found.angles)
    normal_map = model.table.draw(normals)
    colours = albedo * shading(normal_map, found.light)
    return MidLevel(deformation, changed, points, normals, model.table.draw(points), normal_map, colours)


def displaced(mid: MidLevel, displacement: Tensor, albedo: Tensor, found: Coefficients, compat: Compat) -> HighLevel:
    """The face with a displacement (N, 1, S, S), differentiable by it and by what made `mid`."""
    normals = displaced_normals(mid.position, mid.normal_map, displacement, compat.grid_normal_xy_flip)
    position = mid.position + displacement * mid.normal_map
    return HighLevel(displacement, normals, albedo * shading(normals, found.light), position)
