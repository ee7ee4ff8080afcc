"""Triangles to pixels in plain torch: no compiled renderer, the same code on a processor and on an accelerator.

Each triangle is tried on the pixels of its bounding box, triangles of like box size together; the nearest wins by an
integer minimum over (depth, face), which no order of execution can change: the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BOXES = (4, 8, 16, 32, 64, 256)  # widths of the boxes tried, pixels
CANDIDATES = 1 << 21  # pixel candidates in memory at once
LANES = 4  # widest strand, pixels
GOLDEN = 0.6180339887  # multiples of it fill 0-1 evenly
EMPTY = torch.iinfo(torch.int64).max


@dataclass(frozen=True, eq=False)
class Fragments:
    """What each pixel sees.

    Attributes:
        face: (H, W) int64, the triangle, or -1.
        barycentric: (H, W, 3) float32 weights of its corners on the surface (perspective-correct); 0 where empty.
        depth: (H, W) float32 along the camera's axis; inf where empty.
    """

    face: Tensor
    barycentric: Tensor
    depth: Tensor

    @property
    def hit(self) -> Tensor:
        """(H, W) bool."""
        return self.face >= 0

    def interpolate(self, values: Tensor, faces: Tensor) -> Tensor:
        """(N, C): per-vertex values (V, C) at the hit pixels, in row order; faces (F, 3) into values."""
        face = self.face[self.hit]
        return (self.barycentric[self.hit][:, :, None] * values[faces[face]]).sum(dim=1)


def project(points: Tensor, intrinsics: Tensor, world_to_camera: Tensor, perspective: bool = True) -> Tensor:
    """(V, 3): x, y in pixels and depth in metres of (V, 3) world points."""
    across, down, depth = world_to_camera[:3, :3] @ points.T + world_to_camera[:3, 3:]
    if perspective:
        nearness = 1 / depth.clamp(min=1e-6)
        across, down = across * nearness, down * nearness
    (xx, xy, x0), (yx, yy, y0) = intrinsics[:2]
    # One axis behind the other in memory: all that follows goes axis by axis.
    return torch.stack([xx * across + xy * down + x0, yx * across + yy * down + y0, depth]).T


def flat_indices(mask: Tensor) -> Tensor:
    """(N,) int64: where a mask of any shape is true, counted row by row.

    On a processor numpy finds them in a fifth of torch's time.
    """
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def mixed(weights: Tensor, values: Tensor, indices: Tensor) -> Tensor:
    """(N, C): values (V, C) at triangles' corners (N, 3), mixed by barycentric weights (N, 3)."""
    if weights.device.type == "cpu":  # in one pass
        return torch.nn.functional.embedding_bag(indices, values, per_sample_weights=weights, mode="sum")
    return (weights[:, :, None] * values[indices]).sum(dim=1)


def rasterize(projected: Tensor, faces: Tensor, size: tuple[int, int], cull: Tensor | None = None) -> Fragments:
    """Find the nearest triangle behind every pixel centre.

    Args:
        projected: (V, 3) float32: pixels x, y and depth in metres (see `project`).
        faces: (F, 3) int64.
        size: (width, height).
        cull: (F,) bool, triangles to leave out when they turn their back; None: all are two-sided.

    A triangle with a corner at depth <= 1 mm is left out; there is no clipping. Depth is interpolated as in a
    perspective picture; for an orthographic camera the difference vanishes with the size of a triangle.
    """
    return _fragments(_nearest(projected, faces, size, cull), projected, faces)


def depth_map(projected: Tensor, faces: Tensor, size: tuple[int, int]) -> Tensor:
    """(H, W) float32 depth of the nearest triangle, in metres, and inf where none is: `rasterize` without the rest."""
    return _depth(_nearest(projected, faces, size, None))


def _nearest(projected: Tensor, faces: Tensor, size: tuple[int, int], cull: Tensor | None) -> Tensor:
    """(H, W) int64: bits of the depth of the nearest triangle over its number, or EMPTY."""
    width, height = size
    keys = torch.full((height * width + 1,), EMPTY, dtype=torch.int64, device=projected.device)  # the last: off canvas
    found = _seen(projected, faces, size, cull)
    extent = torch.maximum(found.right - found.left, found.bottom - found.top)
    lower = 0
    for box in BOXES:
        rows, lower = flat_indices((extent > lower) & (extent <= box)), box
        if len(rows):
            _fill(keys, found, rows, box, size)
    for row in flat_indices(extent > lower):
        _fill(keys, found, row[None], int(extent[row]), size)
    return keys[:-1].view(height, width)


def _depth(keys: Tensor) -> Tensor:
    depth = (keys >> 32).to(torch.int32).view(torch.float32)
    return depth.masked_fill(keys == EMPTY, float("inf"))


@dataclass(frozen=True, eq=False)
class _Triangles:
    """Triangles that can be seen, M of them.

    Attributes:
        left, top, right, bottom: (M,) box, pixels. name: (M,) int64 their indices.
        first, second: the weights of the first two corners: (M,) at the box's first pixel centre, per pixel to the
            right, per pixel down. Weights sum to one, so two give the third.
        nearness: (M,) 1 / depth at the last corner, and what the first and the second have more.
    """

    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    name: Tensor
    first: tuple[Tensor, Tensor, Tensor]
    second: tuple[Tensor, Tensor, Tensor]
    nearness: tuple[Tensor, Tensor, Tensor]


def _corners(projected: Tensor, faces: Tensor) -> tuple[list[Tensor], ...]:
    """x, y and depth of (M, 3) faces: of each three (M,), one per corner."""
    corners = [corner.contiguous() for corner in faces.unbind(dim=1)]
    return tuple([axis.index_select(0, corner) for corner in corners] for axis in projected.unbind(dim=1))


def _range(values: list[Tensor], limit: int) -> tuple[Tensor, Tensor]:
    """(M,) first pixel and the one behind the last whose centres lie between the smallest and largest of three."""
    a, b, c = values
    low, high = torch.minimum(torch.minimum(a, b), c), torch.maximum(torch.maximum(a, b), c)
    return low.sub(0.5).ceil().clamp(min=0), high.sub(0.5).floor().add(1).clamp(max=limit)


def _seen(projected: Tensor, faces: Tensor, size: tuple[int, int], cull: Tensor | None) -> _Triangles:
    x, y, z = _corners(projected, faces)
    (left, right), (top, bottom) = _range(x, size[0]), _range(y, size[1])
    # Twice the signed area; pixels' y points down, so a triangle seen from outside turns negative.
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    nearest = torch.minimum(torch.minimum(z[0], z[1]), z[2])
    keep = (nearest > 1e-3) & (right > left) & (bottom > top) & (area.abs() > 1e-12)
    if cull is not None:
        keep &= ~cull | (area < 0)
    name = flat_indices(keep)
    left, top, right, bottom, area = (v.index_select(0, name) for v in (left, top, right, bottom, area))
    x, y, z = ([v.index_select(0, name) for v in axis] for axis in (x, y, z))
    # Edge functions relative to the box's first pixel centre keep float32 exact enough far from the origin.
    across, down = [v - (left + 0.5) for v in x], [v - (top + 0.5) for v in y]
    first, second = (
        (
            (across[a] * down[b] - across[b] * down[a]) / area,
            (y[a] - y[b]) / area,
            (x[b] - x[a]) / area,
        )
        for a, b in ((1, 2), (2, 0))
    )
    last = 1 / z[2]
    return _Triangles(left, top, right, bottom, name, first, second, (last, 1 / z[0] - last, 1 / z[1] - last))


def _fill(keys: Tensor, found: _Triangles, rows: Tensor, box: int, size: tuple[int, int]) -> None:
    """Lower the keys of the pixels that these triangles, none wider than box, cover."""
    grid = torch.arange(box, device=rows.device, dtype=torch.float32)
    for chunk in rows.split(max(1, CANDIDATES // box**2)):
        first, second = (
            (start[:, None] + right[:, None] * grid)[:, None, :] + (down[:, None] * grid)[:, :, None]
            for start, right, down in ([v.index_select(0, chunk) for v in w] for w in (found.first, found.second))
        )
        place = flat_indices(torch.minimum(torch.minimum(first, second), 1 - first - second) >= 0)
        row = place // box**2 if box & (box - 1) else place >> 2 * (box.bit_length() - 1)
        within = place - row * box**2
        down = within // box if box & (box - 1) else within >> box.bit_length() - 1
        row = chunk.index_select(0, row)
        last, more, most = (v.index_select(0, row) for v in found.nearness)
        depth = 1 / (
            last + first.view(-1).index_select(0, place) * more + second.view(-1).index_select(0, place) * most
        )
        # The bits of positive floats sort as the floats do.
        key = (depth.view(torch.int32).long() << 32) | found.name.index_select(0, row)
        x = found.left.index_select(0, row).long() + within - down * box
        y = found.top.index_select(0, row).long() + down
        pixel = torch.where((x < size[0]) & (y < size[1]), y * size[0] + x, size[0] * size[1])
        keys.scatter_reduce_(0, pixel, key, "amin")


def splat(
    projected: Tensor, radius: Tensor, size: tuple[int, int], before: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the nearest strand over every pixel: lines drawn as samples less than a pixel apart.

    Args:
        projected: (N, S, 3) float32: pixels x, y and depth in metres, root to tip.
        radius: (N, S) float32 pixels; at most `LANES` pixels wide. N (S - 1) is below 2^24.
        before: (H, W) depth, metres: segments that start and end behind it are left out.

    Returns:
        segment: (H, W) int64, n * (S - 1) + s of the nearest segment, or -1.
        along: (H, W) float32 in 0-1, where on that segment.
        depth: (H, W) float32 metres; inf where empty.
    """
    width, height = size
    keys = torch.full((height * width,), EMPTY, dtype=torch.int64, device=projected.device)
    name, count, axes, wide = _segments(projected, radius, size, before)
    owner = torch.arange(len(name), device=name.device).repeat_interleave(count)
    first = (count.cumsum(0) - count).index_select(0, owner)
    share = (torch.arange(len(owner), device=owner.device) - first + 0.5) / count.index_select(0, owner)
    x, y, z = (a.index_select(0, owner) + b.index_select(0, owner) * share for a, b in axes)
    key = (z.view(torch.int32).long() << 32) | (name.index_select(0, owner) << 8) | (share * 255).long()
    lanes = int(min(LANES, max(1, float((2 * wide).max().round())))) if len(wide) else 0
    if lanes > 1:
        step_x, step_y = axes[0][1], axes[1][1]
        length = torch.hypot(step_x, step_y).clamp(min=1e-6)
        across_x, across_y = (v.index_select(0, owner) for v in (-step_y / length, step_x / length))
        reach = wide.index_select(0, owner)
    for lane in range(lanes):
        shift = lane - (lanes - 1) / 2
        at_x, at_y = (x, y) if lanes == 1 else (x + shift * across_x, y + shift * across_y)
        inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
        if lanes > 1 and shift != 0:
            inside &= abs(shift) <= reach
        shown = flat_indices(inside)
        pixel = at_y.index_select(0, shown).long() * width + at_x.index_select(0, shown).long()
        keys.scatter_reduce_(0, pixel, key.index_select(0, shown), "amin")
    keys = keys.view(height, width)
    hit = keys != EMPTY
    segment, along = ((keys >> 8) & 0xFFFFFF).masked_fill(~hit, -1), ((keys & 255) / 255).masked_fill(~hit, 0.0)
    return segment, along, _depth(keys)


def _segments(
    projected: Tensor, radius: Tensor, size: tuple[int, int], before: Tensor | None
) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]], Tensor]:
    """The pieces of strands to draw: number, samples on it, start and step along x, y and depth, and radius; (M,)."""
    (strands, samples), device = radius.shape, radius.device
    x, y, z = (axis.contiguous() for axis in projected.unbind(dim=2))
    seen = (_lower(z) > 1e-3) & (_upper(x) > 0) & (_upper(y) > 0) & (_lower(x) < size[0]) & (_lower(y) < size[1])
    if before is not None:
        column, row = x.long().clamp_(0, size[0] - 1), y.long().clamp_(0, size[1] - 1)
        there = before.flatten().index_select(0, (row * size[0] + column).flatten()).view(x.shape)
        behind = z > there + 0.002
        seen &= ~(behind[:, :-1] & behind[:, 1:])
    # A hair thinner than a pixel would be drawn a pixel wide: as many are left out as it is too wide.
    seen &= (torch.arange(strands, device=device) * GOLDEN % 1.0)[:, None] < 2 * radius[:, :-1]
    name = flat_indices(seen)
    start = name + name // (samples - 1)
    values = [(axis.view(-1).index_select(0, start), axis.view(-1).index_select(0, start + 1)) for axis in (x, y, z)]
    axes = [(begin, end - begin) for begin, end in values]
    count = torch.hypot(axes[0][1], axes[1][1]).ceil().clamp(1, 64).long()
    return name, count, axes, radius.reshape(-1).index_select(0, start)


def _lower(values: Tensor) -> Tensor:
    """(N, S - 1) the smaller of the values (N, S) at both ends of a segment."""
    return torch.minimum(values[:, :-1], values[:, 1:])


def _upper(values: Tensor) -> Tensor:
    return torch.maximum(values[:, :-1], values[:, 1:])


def _fragments(keys: Tensor, projected: Tensor, faces: Tensor) -> Fragments:
    hit = flat_indices(keys != EMPTY)
    face = keys.masked_fill(keys == EMPTY, -1)
    face = torch.where(face < 0, face, face & 0xFFFFFFFF)
    barycentric = torch.zeros((*keys.shape, 3), device=keys.device)
    depth = torch.full(keys.shape, float("inf"), device=keys.device)
    x, y, z = _corners(projected, faces.index_select(0, face.view(-1).index_select(0, hit)))
    row = hit // keys.shape[1]
    x, y = [v - (hit - row * keys.shape[1] + 0.5) for v in x], [v - (row + 0.5) for v in y]
    parts = [x[a] * y[b] - y[a] * x[b] for a, b in ((1, 2), (2, 0), (0, 1))]
    total = parts[0] + parts[1] + parts[2]
    weights = [part / total / corner for part, corner in zip(parts, z, strict=True)]
    inverse = weights[0] + weights[1] + weights[2]
    barycentric.view(-1, 3).index_copy_(0, hit, torch.stack([weight / inverse for weight in weights], dim=1))
    depth.view(-1).index_copy_(0, hit, 1 / inverse)
    return Fragments(face, barycentric, depth)
