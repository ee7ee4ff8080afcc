"""Textures of surfaces at pixels: colours, and the slope of the relief."""

from __future__ import annotations

import torch
from torch import Tensor

from maquette.geometry.rendering.rasterize import mixed

STEEPEST = 1.7  # tangent: charts' borders give wild slopes; no skin is steeper than 60 degrees at this scale


def looked_up(texture: Tensor, uv: Tensor) -> Tensor:
    """(N, C) of a texture (H, W, C) at uv (N, 2), v up, between four texels; beyond the border it goes on."""
    height, width, channels = texture.shape
    column, row, right, down = _corner(uv, height, width)
    columns = [column.clamp(0, width - 1), (column + 1).clamp(0, width - 1)]
    rows = [row.clamp(0, height - 1) * width, (row + 1).clamp(0, height - 1) * width]
    texels = torch.stack([r + c for r in rows for c in columns], dim=1)
    weights = torch.stack([a * b for a in (1 - down, down) for b in (1 - right, right)], dim=1)
    return mixed(weights, texture.reshape(-1, channels), texels)


def _corner(uv: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Column and row (N,) int64 of the texel up and left, and how far it is from there to the next, 0-1."""
    u, v = uv.T.contiguous()
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    column, row = x.floor(), y.floor()
    return column.long(), row.long(), x - column, y - row


def bumps(
    vertices: Tensor, faces: Tensor, uvs: Tensor, chart: Tensor, height: Tensor, uv: Tensor, face: Tensor
) -> Tensor:
    """(3, N) the surface gradient of the height at pixels: the normal of the displaced surface is N minus it.

    Args:
        vertices: (V, 3) and faces (F, 3) int64, metres. uvs: (U, 2) and chart (F, 3) int64.
        height: (H, W) metres. uv: (N, 2) and face (N,) int64 of the pixels.
    """
    across, along = _slopes(height, uv)
    table = _frames(vertices, faces, uvs, chart)
    first = torch.stack([row.index_select(0, face) for row in table[:3]])
    second = torch.stack([row.index_select(0, face) for row in table[3:]])
    gradient = across * first + along * second
    steep = (gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2).sqrt()
    return gradient * (STEEPEST / steep.clamp(min=STEEPEST))


def _slopes(height: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) metres per unit of u, and of v: central differences of the texels, between four of them."""
    rows, columns = height.shape
    column, row, right, down = _corner(uv, rows, columns)
    at = [(column + k).clamp(0, columns - 1) for k in (-1, 0, 1, 2)]
    lines = [(row + k).clamp(0, rows - 1) * columns for k in (-1, 0, 1, 2)]
    flat = height.reshape(-1, 1)
    difference = [right - 1, -right, 1 - right, right]
    texels = torch.stack([line + c for line in lines[1:3] for c in at], dim=1)
    weights = torch.stack([w * d for w in (1 - down, down) for d in difference], dim=1)
    across = mixed(weights, flat, texels)[:, 0] * (0.5 * columns)
    difference = [down - 1, -down, 1 - down, down]
    texels = torch.stack([line + c for line in lines for c in at[1:3]], dim=1)
    weights = torch.stack([d * w for d in difference for w in (1 - right, right)], dim=1)
    return across, mixed(weights, flat, texels)[:, 0] * (-0.5 * rows)


def _frames(vertices: Tensor, faces: Tensor, uvs: Tensor, chart: Tensor) -> Tensor:
    """(6, F): of each triangle, the surface gradient (3,) of a height that grows by one along u, and along v."""
    a, b, c = (vertices.index_select(0, corner.contiguous()).T for corner in faces.unbind(dim=1))
    d, e, f = (uvs.index_select(0, corner.contiguous()).T for corner in chart.unbind(dim=1))
    edges, flats = (b - a, c - a), (e - d, f - d)
    determinant = flats[0][0] * flats[1][1] - flats[0][1] * flats[1][0]
    determinant = torch.where(determinant.abs() < 1e-12, torch.ones_like(determinant), determinant)
    along_u = (flats[1][1] * edges[0] - flats[0][1] * edges[1]) / determinant
    along_v = (flats[0][0] * edges[1] - flats[1][0] * edges[0]) / determinant
    uu, uv, vv = ((p * q).sum(0) for p, q in ((along_u, along_u), (along_u, along_v), (along_v, along_v)))
    area = (uu * vv - uv**2).clamp(min=1e-12)
    return torch.cat([(vv * along_u - uv * along_v) / area, (uu * along_v - uv * along_u) / area]).contiguous()
