"""HRN's camera and our rasteriser: which texels a crop shows, and what a textured face looks like in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from maquette.geometry.rendering.rasterize import depth_map, rasterize
from maquette.reconstruction.hrn.face_model import DISTANCE, SIDE, FaceModel, project
from maquette.reconstruction.hrn.sampling import sample

NEAR_DM = 0.03  # how far behind the nearest surface a point still counts as seen, decimetres
GRAZING = 0.05  # cosine of normal against view from which a surface counts as seen
VISIBILITY_SIDE = 448  # pixels of the depth map that is asked


def screen(points: Tensor, side: int) -> Tensor:
    """(V, 3) pixels x and y, y down, and depth in decimetres of posed points (V, 3), in a crop of that side."""
    planar = project(points) * (side / SIDE)
    return torch.stack((planar[..., 0], side - planar[..., 1], DISTANCE - points[..., 2]), -1)


@torch.no_grad()
def visible(model: FaceModel, points: Tensor, normals: Tensor) -> Tensor:
    """(N, T) bool: whether the crop shows the covered texels of posed faces (N, V, 3) with normals (N, V, 3)."""
    places, facing = model.table.at(points), model.table.at(normals)
    to_eye = functional.normalize(points.new_tensor([0, 0, DISTANCE]) - places, dim=-1)
    turned = (functional.normalize(facing, dim=-1) * to_eye).sum(-1) > GRAZING
    nearest = []
    for one, own in zip(points, places):
        depth = depth_map(screen(one, VISIBILITY_SIDE).float(), model.triangles, (VISIBILITY_SIDE,) * 2)
        at = screen(own, VISIBILITY_SIDE)
        # The farthest of four neighbours: an edge before a texel must not hide the texels beside it.
        finite = depth.masked_fill(depth.isinf(), 2 * DISTANCE)
        far = functional.max_pool2d(finite[None, None], 3, stride=1, padding=1)
        nearest.append(at[:, 2] < sample(far, (at[None, :, :2] - 0.5).float())[0, 0] + NEAR_DM)
    return turned & torch.stack(nearest)


@dataclass(frozen=True, eq=False)
class Seen:
    """Which triangle each pixel of a crop sees: pixels (M,) int64, row by row, and their triangles' corners (M, 3)."""

    pixels: Tensor
    corners: Tensor


@dataclass(frozen=True, eq=False)
class Raster:
    """What each pixel of a crop sees of one posed face, so that textures are looked up again and again.

    Attributes:
        side: of the crop, pixels. pixels: (M,) int64 numbers of the pixels that see it, row by row.
        points: (1, M, 2) column and row in the texture, whole numbers at texels' centres.
    """

    side: int
    pixels: Tensor
    points: Tensor

    @property
    def mask(self) -> Tensor:
        """(1, 1, side, side) float32, 1 where the face is."""
        flat = self.points.new_zeros(self.side**2)
        flat[self.pixels] = 1
        return flat.view(1, 1, self.side, self.side)

    def colours(self, texture: Tensor) -> Tensor:
        """(1, C, M): what the pixels see of a texture (1, C, S, S)."""
        return sample(texture, self.points.to(texture.dtype))

    def look(self, texture: Tensor) -> Tensor:
        """(1, C, side, side) picture of the face with a texture (1, C, S, S), black beside it."""
        found = self.colours(texture)
        picture = found.new_zeros(1, found.shape[1], self.side**2)
        picture[:, :, self.pixels] = found
        return picture.unflatten(2, (self.side, self.side))


def seen_by(model: FaceModel, points: Tensor, side: int) -> Seen:
    """Which triangles of posed points (V, 3) a crop of that side sees."""
    return seen_of(model.triangles, points, side)


def seen_of(triangles: Tensor, points: Tensor, side: int) -> Seen:
    """Which of the triangles (F, 3) of posed points (V, 3) a crop of that side sees."""
    fragments = rasterize(screen(points, side).float(), triangles, (side, side))
    pixels = fragments.hit.flatten().nonzero()[:, 0]
    return Seen(pixels, triangles[fragments.face.flatten()[pixels]])


def raster(model: FaceModel, points: Tensor, side: int, texels: int, seen: Seen | None = None) -> Raster:
    """What a crop sees of one posed face; differentiable by its points inside triangles, not at edges.

    Args:
        points: (V, 3) posed. side: of the crop, pixels. texels: side of the textures.
        seen: where the face has hardly moved since it was asked, what it was then.
    """
    seen = seen_by(model, points.detach(), side) if seen is None else seen
    weights = barycentric(screen(points, side), seen.corners, seen.pixels, side)
    uvs = (weights[:, :, None] * model.uvs.to(weights.dtype)[seen.corners]).sum(1)
    at = torch.stack((uvs[:, 0] * texels - 0.5, (1 - uvs[:, 1]) * texels - 0.5), 1)
    return Raster(side, seen.pixels, at[None])


def barycentric(flat: Tensor, corners: Tensor, pixels: Tensor, side: int) -> Tensor:
    """(M, 3) weights of the corners at the pixels' centres, on the surface."""
    centre = torch.stack((pixels % side, pixels // side), 1).to(flat.dtype) + 0.5
    x, y, depth = flat[corners].unbind(-1)
    dx, dy = x - centre[:, :1], y - centre[:, 1:]
    following, last = [1, 2, 0], [2, 0, 1]
    areas = dx[:, following] * dy[:, last] - dx[:, last] * dy[:, following]
    weights = areas / depth
    return weights / weights.sum(1, keepdim=True)
