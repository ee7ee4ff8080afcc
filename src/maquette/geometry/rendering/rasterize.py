"""Triangles to pixels in plain torch: no compiled renderer, the same code on a processor and on an accelerator.

Each triangle is tried on the pixels of its bounding box, triangles of like box size together; the nearest wins by an
integer minimum over (depth, face), which no order of execution can change: the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BOXES = (2, 4, 8, 16, 64, 256)  # widths of the boxes tried, pixels
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
    camera = points @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    planar = camera[:, :2] / camera[:, 2:].clamp(min=1e-6) if perspective else camera[:, :2]
    return torch.cat([planar @ intrinsics[:2, :2].T + intrinsics[:2, 2], camera[:, 2:]], dim=1)


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
    width, height = size
    keys = torch.full((height * width,), EMPTY, dtype=torch.int64, device=projected.device)
    setup, names = _setup(projected, faces, size, cull)
    extent = (setup[:, 2:4] - setup[:, 0:2]).amax(dim=1)
    lower = 0
    for box in BOXES:
        rows = ((extent > lower) & (extent <= box)).nonzero()[:, 0]
        lower = box
        _fill(keys, setup, names, rows, box, width)
    for row in (extent > lower).nonzero()[:, 0].tolist():
        _fill(keys, setup, names, torch.tensor([row], device=setup.device), int(extent[row]), width)
    return _fragments(keys.view(height, width), projected, faces)


def _setup(projected: Tensor, faces: Tensor, size: tuple[int, int], cull: Tensor | None) -> tuple[Tensor, Tensor]:
    """Triangles that can be seen: (M, 16) box x0 y0 x1 y1, edges' slopes in x and y, edges at the box's first pixel
    centre, 1 / depth of the corners; (M,) their indices."""
    corners = projected[faces]
    x, y, z = corners.unbind(dim=2)
    low_x, high_x = x.amin(1).sub(0.5).ceil().clamp(min=0), x.amax(1).sub(0.5).floor().add(1).clamp(max=size[0])
    low_y, high_y = y.amin(1).sub(0.5).ceil().clamp(min=0), y.amax(1).sub(0.5).floor().add(1).clamp(max=size[1])
    # Twice the signed area; pixels' y points down, so a triangle seen from outside turns negative.
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    keep = (z.amin(1) > 1e-3) & (high_x > low_x) & (high_y > low_y) & (area.abs() > 1e-12)
    if cull is not None:
        keep &= ~cull | (area < 0)
    names = keep.nonzero()[:, 0]
    x, y, z, area = x[names], y[names], z[names], area[names]
    following, last = (1, 2, 0), (2, 0, 1)
    edge_x = (y[:, following] - y[:, last]) / area[:, None]
    edge_y = (x[:, last] - x[:, following]) / area[:, None]
    box = torch.stack([low_x[names], low_y[names], high_x[names], high_y[names]], dim=1)
    # Edge functions relative to the box's first pixel centre keep float32 exact enough far from the origin.
    start = (
        (x[:, following] - (box[:, :1] + 0.5)) * (y[:, last] - (box[:, 1:2] + 0.5))
        - (x[:, last] - (box[:, :1] + 0.5)) * (y[:, following] - (box[:, 1:2] + 0.5))
    ) / area[:, None]
    return torch.cat([box, edge_x, edge_y, start, 1 / z], dim=1), names


def _fill(keys: Tensor, setup: Tensor, names: Tensor, rows: Tensor, box: int, width: int) -> None:
    """Lower the keys of the pixels that these triangles, none wider than box, cover."""
    grid = torch.arange(box, device=setup.device, dtype=torch.float32)
    for chunk in rows.split(max(1, CANDIDATES // box**2)):
        s = setup[chunk]
        # Barycentric weights sum to one, so two of them give the third.
        along_x, along_y = s[:, 4:6, None] * grid + s[:, 10:12, None], s[:, 7:9, None] * grid
        first = along_x[:, 0, None, :] + along_y[:, 0, :, None]
        second = along_x[:, 1, None, :] + along_y[:, 1, :, None]
        inside = torch.minimum(torch.minimum(first, second), 1 - first - second) >= 0
        row, down, right = inside.nonzero(as_tuple=True)
        own = s[row]
        first, second = first[row, down, right], second[row, down, right]
        depth = 1 / (first * own[:, 13] + second * own[:, 14] + (1 - first - second) * own[:, 15])
        # The bits of positive floats sort as the floats do.
        key = (depth.view(torch.int32).long() << 32) | names[chunk][row]
        x, y = own[:, 0].long() + right, own[:, 1].long() + down
        shown = (x < own[:, 2]) & (y < own[:, 3])
        keys.scatter_reduce_(0, (y * width + x)[shown], key[shown], "amin")


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
    start, end = projected[:, :-1].reshape(-1, 3), projected[:, 1:].reshape(-1, 3)
    wide = radius[:, :-1].reshape(-1)
    seen = (torch.minimum(start, end)[:, 2] > 1e-3) & _on_canvas(start, end, size)
    if before is not None:
        seen &= ~(_behind(start, before) & _behind(end, before))
    # A hair thinner than a pixel would be drawn a pixel wide: as many are left out as it is too wide.
    strand = torch.arange(projected.shape[0], device=wide.device).repeat_interleave(projected.shape[1] - 1)
    seen &= (strand * GOLDEN) % 1.0 < 2 * wide
    name = seen.nonzero()[:, 0]
    start, step, wide = start[name], (end - start)[name], wide[name]
    length = step[:, :2].norm(dim=1)
    count = length.ceil().clamp(1, 64).long()
    first = (count.cumsum(0) - count).repeat_interleave(count)
    share = (torch.arange(len(first), device=first.device) - first + 0.5) / count.repeat_interleave(count)
    x, y, z = ((a + b * share) for a, b in zip(_spread(start, count), _spread(step, count)))
    key = (z.view(torch.int32).long() << 32) | (name.repeat_interleave(count) << 8) | (share * 255).long()
    lanes = int(min(LANES, max(1, float((2 * wide).max().round())))) if len(wide) else 0
    if lanes > 1:
        across_x, across_y = _spread(torch.stack([-step[:, 1], step[:, 0]], 1) / length[:, None].clamp(min=1e-6), count)
        reach = wide.repeat_interleave(count)
    for lane in range(lanes):
        shift = lane - (lanes - 1) / 2
        at_x, at_y = (x, y) if lanes == 1 else (x + shift * across_x, y + shift * across_y)
        inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
        if lanes > 1 and shift != 0:
            inside &= abs(shift) <= reach
        pixel = at_y.long() * width + at_x.long()
        keys.scatter_reduce_(0, pixel[inside], key[inside], "amin")
    keys = keys.view(height, width)
    hit = keys != EMPTY
    return (
        torch.where(hit, (keys >> 8) & 0xFFFFFF, -1),
        torch.where(hit, (keys & 255) / 255, 0.0),
        torch.where(hit, (keys >> 32).to(torch.int32).view(torch.float32), float("inf")),
    )


def _spread(rows: Tensor, count: Tensor) -> list[Tensor]:
    """The columns of (M, C) rows, each value repeated count (M,) times."""
    return [column.contiguous().repeat_interleave(count) for column in rows.unbind(dim=1)]


def _on_canvas(start: Tensor, end: Tensor, size: tuple[int, int]) -> Tensor:
    low, high = torch.minimum(start, end), torch.maximum(start, end)
    return (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < size[0]) & (low[:, 1] < size[1])


def _behind(points: Tensor, depth: Tensor) -> Tensor:
    """(M,) bool: on the canvas and farther than depth (H, W) there."""
    height, width = depth.shape
    x, y = points[:, 0].long().clamp(0, width - 1), points[:, 1].long().clamp(0, height - 1)
    return points[:, 2] > depth[y, x] + 0.002


def _fragments(keys: Tensor, projected: Tensor, faces: Tensor) -> Fragments:
    hit = keys != EMPTY
    face = torch.where(hit, keys & 0xFFFFFFFF, -1)
    barycentric = torch.zeros((*keys.shape, 3), device=keys.device)
    depth = torch.full(keys.shape, float("inf"), device=keys.device)
    row, column = hit.nonzero(as_tuple=True)
    corners = projected[faces[face[row, column]]]
    centre = torch.stack([column, row], dim=1) + 0.5
    offset = corners[:, :, :2] - centre[:, None]
    weights = torch.stack([_cross(offset[:, (k + 1) % 3], offset[:, (k + 2) % 3]) for k in range(3)], dim=1)
    weights = weights / weights.sum(dim=1, keepdim=True) / corners[:, :, 2]
    inverse = weights.sum(dim=1, keepdim=True)
    barycentric[row, column] = weights / inverse
    depth[row, column] = 1 / inverse[:, 0]
    return Fragments(face, barycentric, depth)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
