"""What the pixels of DECA's crop see of a head, with our rasteriser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from maquette.geometry.rendering.rasterize import rasterize
from maquette.reconstruction.deca.head import CROP, DecaHead, shading

BEHIND = 10.0  # added to depths, so that all lie before the camera
GREY = 180 / 255
LIGHTS = ((-1, 1, 1), (1, 1, 1), (-1, -1, 1), (1, -1, 1), (0, 0, 1))  # directions that light a grey head
BRIGHTNESS = 1.7  # of each
EDGE = 0.15  # of the normal's depth, from which a grey head is not drawn


@dataclass(frozen=True, eq=False)
class HeadRaster:
    """What each pixel of a crop sees of one head.

    Attributes:
        side: of the crop, pixels. pixels: (M,) int64 numbers of the pixels that see it, row by row.
        weights: (M, 3) barycentric, differentiable by the projected points. corners: (M, 3) int64 vertices.
        places: (1, M, 1, 2) in the texture, -1 to 1 from edge to edge.
    """

    side: int
    pixels: Tensor
    weights: Tensor
    corners: Tensor
    places: Tensor

    def mix(self, values: Tensor) -> Tensor:
        """(M, C): values (V, C) at the pixels."""
        return (self.weights[:, :, None] * values[self.corners]).sum(1)

    def colours(self, maps: Tensor) -> Tensor:
        """(1, C, M): what the pixels see of a map (1, C, S, S)."""
        return functional.grid_sample(maps, self.places.to(maps.dtype), align_corners=False)[..., 0]

    def picture(self, values: Tensor) -> Tensor:
        """(1, C, side, side) of values (1, C, M), 0 beside the head."""
        drawn = values.new_zeros(1, values.shape[1], self.side**2)
        drawn[:, :, self.pixels] = values
        return drawn.unflatten(2, (self.side, self.side))

    @property
    def mask(self) -> Tensor:
        """(1, 1, side, side) 1 where the head is."""
        return self.picture(self.weights.new_ones(1, 1, len(self.pixels)))


def raster(head: DecaHead, projected: Tensor, side: int = CROP) -> HeadRaster:
    """What a crop sees of one head's points (V, 3), projected; pixel k looks at its centre, k + 0.5."""
    flat = torch.stack(
        ((projected[:, 0] + 1) * side / 2, (projected[:, 1] + 1) * side / 2, projected[:, 2] + BEHIND), 1
    )
    faces = head.decoder.faces
    fragments = rasterize(flat.detach().float(), faces, (side, side))
    pixels = fragments.hit.flatten().nonzero()[:, 0]
    triangles = fragments.face.flatten()[pixels]
    corners = faces[triangles]
    weights = barycentric(flat[:, :2], corners, pixels, side)
    uvs = (weights[:, :, None] * head.uvs.to(weights.dtype)[head.uv_triangles[triangles]]).sum(1)
    places = torch.stack((2 * uvs[:, 0] - 1, 1 - 2 * uvs[:, 1]), 1)
    return HeadRaster(side, pixels, weights, corners, places[None, :, None])


def barycentric(flat: Tensor, corners: Tensor, pixels: Tensor, side: int) -> Tensor:
    """(M, 3) weights of triangles' corners at pixels' centres, without perspective.

    Args:
        flat: (V, 2) pixels. corners: (M, 3). pixels: (M,) numbers, row by row.
    """
    centre = torch.stack((pixels % side, pixels // side), 1).to(flat.dtype) + 0.5
    x, y = (flat[corners] - centre[:, None]).unbind(-1)
    following, last = [1, 2, 0], [2, 0, 1]
    areas = x[:, following] * y[:, last] - x[:, last] * y[:, following]
    return areas / areas.sum(1, keepdim=True)


def lit(seen: HeadRaster, normals: Tensor, albedo: Tensor, light: Tensor | None) -> Tensor:
    """(1, 3, M) colours of a head at the pixels.

    Args:
        normals: (V, 3) of the vertices. albedo: (1, 3, S, S). light: (1, 9, 3), or None for albedo alone.
    """
    colours = seen.colours(albedo)
    return colours if light is None else colours * shading(seen.mix(normals).T[None], light)


def grey(seen: HeadRaster, normals: Tensor, coarse: Tensor) -> Tensor:
    """(1, 4, M): a grey head's colours and whether it is drawn.

    Args:
        normals: (1, 3, M) that the light falls on. coarse: (V, 3) normals of the vertices.
    """
    directions = functional.normalize(normals.new_tensor(LIGHTS), dim=1)
    light = torch.einsum("ld,ndm->nlm", directions, normals).clamp(0, 1).mean(1, keepdim=True)
    drawn = (-seen.mix(coarse)[:, 2] < EDGE).to(normals.dtype)
    return torch.cat((GREY * BRIGHTNESS * light.expand(-1, 3, -1), drawn[None, None]), 1)
