"""Values at vertices drawn into the texture's plane, through a table that is made once for a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from maquette.geometry.rendering.rasterize import mixed, rasterize


class _WeightedSums(torch.autograd.Function):
    """`mixed`, whose own gradient sorts all indices: this one takes an eighth of its time."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(indices, weights)
        ctx.count = len(values)
        return mixed(weights, values, indices)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        indices, weights = ctx.saved_tensors
        parts = (weights[:, :, None] * grads[0][:, None]).flatten(0, 1)
        return parts.new_zeros(ctx.count, parts.shape[1]).index_add_(0, indices.flatten(), parts), None, None


def weighted_sums(values: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """(N, C): sums of K of the values (V, C), by indices (N, K) and weights (N, K); differentiable by the values."""
    if not (values.requires_grad and torch.is_grad_enabled()):
        return mixed(weights, values, indices)
    return _WeightedSums.apply(values, indices, weights)


@dataclass(frozen=True, eq=False)
class UVTable:
    """Which triangle lies under each texel of an S x S map; row 0 is v = 1.

    Attributes:
        side: S.
        texels: (N,) int64 numbers of the texels that a triangle covers, row by row.
        corners: (N, 3) int64 vertices of their triangles. weights: (N, 3) float32 barycentric.
        triangles: (N,) int64 which these are.
    """

    side: int
    texels: Tensor
    corners: Tensor
    weights: Tensor
    triangles: Tensor

    @property
    def covered(self) -> Tensor:
        """(S, S) bool."""
        flat = torch.zeros(self.side**2, dtype=torch.bool, device=self.texels.device)
        flat[self.texels] = True
        return flat.view(self.side, self.side)

    def at(self, values: Tensor) -> Tensor:
        """(N, T, C): values (N, V, C) at vertices, mixed at the covered texels."""
        return torch.stack([weighted_sums(one, self.corners, self.weights.to(one.dtype)) for one in values])

    def spread(self, values: Tensor, background: Tensor | float = 0.0) -> Tensor:
        """(N, C, S, S): values (N, T, C) of the covered texels as maps, `background` (N, C) elsewhere."""
        count, _, channels = values.shape
        maps = values.new_zeros(count, self.side**2, channels)
        maps[:] = background if isinstance(background, float) else background[:, None]
        maps[:, self.texels] = values
        return maps.transpose(1, 2).unflatten(2, (self.side, self.side))

    def draw(self, values: Tensor) -> Tensor:
        """(N, C, S, S): values (N, V, C) at vertices, mixed in triangles, 0 where there is none."""
        return self.spread(self.at(values))


def table_of(
    uvs: np.ndarray, triangles: np.ndarray, side: int, device: str = "cpu", corners_of: np.ndarray | None = None
) -> UVTable:
    """The table of a layout.

    Args:
        uvs: (T, 2) 0-1, v up. triangles: (F, 3) into uvs.
        corners_of: (F, 3) into vertices; None where each vertex has one place in the texture.
    """
    planar = np.stack([uvs[:, 0] * side, (1 - uvs[:, 1]) * side, np.ones(len(uvs))], axis=1).astype(np.float32)
    faces = torch.from_numpy(np.ascontiguousarray(triangles, np.int64))
    drawn = rasterize(torch.from_numpy(planar), faces, (side, side))
    texels = drawn.hit.flatten().nonzero()[:, 0]
    named = faces if corners_of is None else torch.from_numpy(np.ascontiguousarray(corners_of, np.int64))
    triangle = drawn.face.flatten()[texels]
    corners = named[triangle]
    weights = drawn.barycentric.view(-1, 3)[texels]
    return UVTable(side, texels.to(device), corners.to(device), weights.to(device), triangle.to(device))


def rimmed(table: UVTable, uvs: np.ndarray, triangles: np.ndarray, corners_of: np.ndarray) -> tuple[UVTable, Tensor]:
    """The table with a rim of texels around what is covered, each on the plane of a neighbour's triangle.

    Surfaces made of texels end half a texel before their edge; with a rim those that meet at a seam of the layout
    overlap.

    Args:
        uvs: (T, 2) 0-1, v up. triangles: (F, 3) into uvs, corners_of: (F, 3) into vertices.

    Returns:
        The table, rim last, and (N,) int64 the covered texel whose triangle each has: itself but in the rim.
    """
    side, device = table.side, table.texels.device
    index = np.full((side + 2, side + 2), -1)
    flat = index[1:-1, 1:-1].reshape(-1)
    flat[table.texels.cpu().numpy()] = np.arange(len(table.texels))
    index[1:-1, 1:-1] = flat.reshape(side, side)
    neighbour = np.full((side, side), -1)
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        seen = index[1 + down : side + 1 + down, 1 + across : side + 1 + across]
        neighbour = np.where(neighbour < 0, seen, neighbour)
    rim = np.flatnonzero((index[1:-1, 1:-1] < 0) & (neighbour >= 0))
    beside = torch.from_numpy(neighbour.ravel()[rim]).to(device)
    own = table.triangles[beside]
    places = uvs[triangles[own.cpu().numpy()]].astype(np.float64)
    centres = np.stack([(rim % side + 0.5) / side, 1 - (rim // side + 0.5) / side], axis=1)
    edges = places[:, 1:] - places[:, :1]
    inner = np.linalg.solve(edges.transpose(0, 2, 1), (centres - places[:, 0])[..., None])[..., 0]
    weights = np.column_stack([1 - inner.sum(axis=1), inner]).astype(np.float32)
    corners = torch.from_numpy(np.ascontiguousarray(corners_of, np.int64)).to(device)[own]
    added = (torch.from_numpy(rim).to(device), corners, torch.from_numpy(weights).to(device), own)
    parts = (table.texels, table.corners, table.weights, table.triangles)
    whole = [torch.cat(pair) for pair in zip(parts, added)]
    return UVTable(side, *whole), torch.cat((table.texels, table.texels[beside]))
