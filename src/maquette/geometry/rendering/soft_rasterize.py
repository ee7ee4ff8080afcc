"""Silhouettes and normals of a mesh that know how they change with its vertices, in plain torch.

A renderer's coverage is a step, whose derivative is zero almost everywhere. SoftRas (Liu et al. 2019) and DIB-R (Chen
et al. 2019) blur every triangle; here only the outline is blurred, since only there a silhouette can change: pixels
near it take their signed distance to the nearest piece of the outline (the edges between front and back faces that
have background beside them), and that distance is a plain function of two projected vertices. It costs one pass of the
hard rasteriser and a nearest-neighbour query of a few thousand pixels, whatever the size of the mesh.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from maquette.core.types import Camera
from maquette.geometry.rendering.rasterize import project, rasterize

SOFTNESS = 2.0  # pixels on either side of the outline over which coverage falls from one to zero
SPACING = 0.5  # pixels between samples of the outline, at most
CANDIDATES = 4  # samples near a pixel whose pieces are tried
NEAR = 1.0  # metres in front of the nearest vertex where an orthographic camera is put: it has no place of its own


def project_with(camera: Camera, vertices: Tensor) -> Tensor:
    """(V, 3): x, y in pixels of the camera's picture and depth in metres of (V, 3) world points; differentiable."""
    intrinsics = torch.as_tensor(camera.intrinsics, dtype=vertices.dtype, device=vertices.device)
    world_to_camera = torch.as_tensor(camera.world_to_camera, dtype=vertices.dtype, device=vertices.device)
    return project(vertices, intrinsics, world_to_camera, camera.projection == "perspective")


def soft_silhouette(projected: Tensor, faces: Tensor, size: tuple[int, int], softness: float = SOFTNESS) -> Tensor:
    """Coverage of each pixel: one inside, zero outside, and a smooth step within `softness` pixels of the outline.

    Args:
        projected: (V, 3) pixels x, y and depth (see `project_with`); the gradient flows to x and y.
        faces: (F, 3) int64; a closed surface, or an open one whose borders then count as outline.
        size: (width, height).
        softness: pixels.

    Returns:
        (H, W) of the type of `projected`: `coverage` at the signed distance.

    Example:
        >>> triangle = torch.tensor([[2.0, 2.0, 1.0], [2.0, 30.0, 1.0], [30.0, 2.0, 1.0]])
        >>> soft_silhouette(triangle, torch.tensor([[0, 1, 2]]), (32, 32))[8, [0, 8, 31]].tolist()
        [0.04296875, 1.0, 0.0]
    """
    # Outlines just beyond the picture's border are as near to its pixels as those inside.
    margin = int(np.ceil(softness)) + 1
    shift = torch.tensor([margin, margin, 0.0], dtype=projected.dtype, device=projected.device)
    moved, wide = projected + shift, (size[0] + 2 * margin, size[1] + 2 * margin)
    inside = rasterize(_in_front(moved), faces, wide).hit
    pixels, ends, along, step = _nearest_pieces(moved.detach(), faces, inside, softness)
    signed = torch.where(inside, softness, -softness).to(projected.dtype)
    if len(pixels):
        row, column = pixels.unbind(dim=1)
        centre = torch.stack([column, row], dim=1).to(projected.dtype) + 0.5
        distance = _to_pieces(centre, moved[:, :2][ends], along, step)
        signed = signed.index_put((row, column), torch.where(inside[row, column], distance, -distance))
    return coverage(signed, softness)[margin : margin + size[1], margin : margin + size[0]]


def coverage(signed: Tensor, softness: float = SOFTNESS) -> Tensor:
    """3 t^2 - 2 t^3 with t = 1/2 + signed / (2 softness) clamped to 0-1; pixels, positive inside the outline."""
    share = (0.5 + signed / (2 * softness)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def soft_normals(
    vertices: Tensor, faces: Tensor, camera: Camera, size: tuple[int, int], back: bool = False
) -> tuple[Tensor, Tensor]:
    """Normals in the axes of the camera; the gradient flows to the vertices through normals and weights of corners.

    Args:
        vertices: (V, 3) metres, world; faces: (F, 3) int64, anticlockwise from outside.
        camera: for a picture of `size`, (width, height).
        back: the farthest surface instead of the nearest, in the same pixels and the same axes (so that its normals
            point away from the camera).

    Returns:
        normals: (H, W, 3) unit: right, up, to the camera; zero where there is nothing.
        hit: (H, W) bool.
    """
    projected = project_with(camera, vertices)
    front = _in_front(projected)
    if back:
        front = torch.cat([front[:, :2], front[:, 2:].amax() + NEAR - front[:, 2:]], dim=1)
    found = rasterize(front, faces, size)
    row, column = found.hit.nonzero(as_tuple=True)
    corners = faces[found.face[row, column]]
    centre = torch.stack([column, row], dim=1).to(vertices.dtype) + 0.5
    weights = _weights(projected[corners], centre, camera.projection == "perspective")
    axes = torch.as_tensor(camera.world_to_camera[:3, :3], dtype=vertices.dtype, device=vertices.device)
    signs = torch.tensor([1.0, -1.0, -1.0], dtype=vertices.dtype, device=vertices.device)
    normals = (weights[:, :, None] * torch_vertex_normals(vertices, faces)[corners]).sum(dim=1) @ axes.T * signs
    empty = torch.zeros(size[1], size[0], 3, dtype=vertices.dtype, device=vertices.device)
    return empty.index_put((row, column), torch.nn.functional.normalize(normals, dim=1)), found.hit


def torch_vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """(V, 3) unit, area weighted, as `geometry.mesh.vertex_normals`; zero where a vertex has no face."""
    a, b, c = vertices[faces].unbind(dim=1)
    normals = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices).index_add(0, faces.reshape(-1), normals.repeat_interleave(3, dim=0))
    return torch.nn.functional.normalize(total, dim=1, eps=1e-20)


def outline_edges(projected: Tensor, faces: Tensor) -> Tensor:
    """(E, 2) vertices of the edges between front and back faces, and of edges with one face; hidden ones too."""
    corners = projected[:, :2][faces]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    facing = (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] > 0).long().repeat_interleave(3)
    edges = torch.stack([faces, faces.roll(-1, dims=1)], dim=2).reshape(-1, 2)
    low, high = edges.amin(dim=1), edges.amax(dim=1)
    names, which = torch.unique(low * len(projected) + high, return_inverse=True)
    count = torch.bincount(which, minlength=len(names))
    front = torch.zeros_like(count).index_add(0, which, facing)
    chosen = names[((front > 0) & (front < count)) | (count == 1)]
    return torch.stack([chosen // len(projected), chosen % len(projected)], dim=1)


@torch.no_grad()
def _nearest_pieces(
    projected: Tensor, faces: Tensor, inside: Tensor, softness: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels near the outline and the pieces of it that may be nearest to each.

    Returns:
        pixels: (P, 2) row and column; ends: (P, C, 2) vertices of the edges; along: (P, C) place of the piece's middle
        on its edge in 0-1; step: (P, C) half the piece's length, as a share of the edge.
    """
    edges = outline_edges(projected, faces)
    start, end = projected[edges[:, 0], :2], projected[edges[:, 1], :2]
    reach = torch.tensor([inside.shape[1], inside.shape[0]], device=start.device)
    shown = ((torch.maximum(start, end) > 0) & (torch.minimum(start, end) < reach)).all(dim=1)
    edges, start, end = edges[shown], start[shown], end[shown]
    pieces = ((end - start).norm(dim=1) / SPACING).ceil().clamp(1, 4096).long()
    edge = torch.arange(len(edges), device=start.device).repeat_interleave(pieces)
    first = (pieces.cumsum(0) - pieces)[edge]
    along = (torch.arange(len(edge), device=start.device) - first + 0.5) / pieces[edge]
    place = start[edge] + along[:, None].to(start.dtype) * (end - start)[edge]
    # What has no background beside it is hidden in the inside of the silhouette.
    open_air = _grown(~inside, 1)
    column, row = place[:, 0].floor().long(), place[:, 1].floor().long()
    kept = (column >= 0) & (row >= 0) & (column < inside.shape[1]) & (row < inside.shape[0])
    kept &= open_air[row.clamp(0, inside.shape[0] - 1), column.clamp(0, inside.shape[1] - 1)]
    edge, along, place = edge[kept], along[kept], place[kept]
    if not len(place):
        empty = torch.empty(0, CANDIDATES, device=start.device)
        return edges.new_empty(0, 2), edges.new_empty(0, CANDIDATES, 2), empty, empty
    near = torch.zeros_like(inside)
    near[place[:, 1].long(), place[:, 0].long()] = True
    pixels = _grown(near, int(np.ceil(softness)) + 1).nonzero()
    count = min(CANDIDATES, len(place))
    centres = pixels.flip(1).cpu().numpy() + 0.5
    nearest = np.reshape(cKDTree(place.cpu().numpy()).query(centres, k=count)[1], (len(pixels), count))
    found = torch.as_tensor(nearest, device=start.device)
    return pixels, edges[edge[found]], along[found], 0.5 / pieces[edge[found]]


def _to_pieces(points: Tensor, ends: Tensor, along: Tensor, step: Tensor) -> Tensor:
    """(P,) distance of (P, 2) points to the nearest of their pieces: ends (P, C, 2, 2), along and step (P, C)."""
    start, direction = ends[:, :, 0], ends[:, :, 1] - ends[:, :, 0]
    offset = points[:, None] - start
    place = (offset * direction).sum(dim=2) / (direction * direction).sum(dim=2).clamp(min=1e-12)
    along, step = along.to(points.dtype), step.to(points.dtype)
    place = torch.maximum(torch.minimum(place, along + step), along - step)
    gap = offset - place[:, :, None] * direction
    squared, _ = (gap * gap).sum(dim=2).min(dim=1)
    # The square root has no derivative at zero.
    return squared.clamp(min=1e-12).sqrt()


def _weights(corners: Tensor, centre: Tensor, perspective: bool) -> Tensor:
    """(P, 3) weights of projected corners (P, 3, 3) at pixel centres (P, 2), on the surface."""
    offset = corners[:, :, :2] - centre[:, None]
    following, last = offset[:, (1, 2, 0)], offset[:, (2, 0, 1)]
    weights = following[..., 0] * last[..., 1] - following[..., 1] * last[..., 0]
    if perspective:
        weights = weights / corners[:, :, 2]
    total = weights.sum(dim=1, keepdim=True)
    return weights / torch.where(total.abs() < 1e-12, torch.full_like(total, 1e-12), total)


def _in_front(projected: Tensor) -> Tensor:
    """(V, 3) float32 without gradient; depths of an orthographic camera, which may be negative, moved to 1 m and on."""
    plain = projected.detach().float()
    nearest = plain[:, 2:].amin()
    return torch.cat([plain[:, :2], plain[:, 2:] + (NEAR - nearest).clamp(min=0)], dim=1)


def _grown(mask: Tensor, pixels: int) -> Tensor:
    """The (H, W) bool mask grown by so many pixels, in a square."""
    return torch.nn.functional.max_pool2d(mask[None].float(), 2 * pixels + 1, 1, pixels)[0] > 0
