"""From surfaces, strands and light to pixels and labels, in plain torch on any device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.process import refuse_forked
from maquette.core.types import Camera
from maquette.geometry.rendering.rasterize import Fragments, flat_indices, mixed, project, rasterize, splat
from maquette.synthesis.rendering.light import Light
from maquette.synthesis.rendering.scene import SceneTensors, gather
from maquette.synthesis.rendering.shade import SKIN_WRAP, ShadingPoints, dot, shade, unit
from maquette.synthesis.rendering.shadow import cast, thinning
from maquette.synthesis.rendering.textures import bumps, looked_up
from maquette.synthesis.types import Kind, SceneSurface, Strands

FINEST = 0.2  # pixels: thinner hairs (lashes from afar) are left to the painted skin; single pixels would be blots


@dataclass(frozen=True, eq=False)
class Rendering:
    """A rendered scene, before any camera made a photograph of it.

    Attributes:
        radiance: (H, W, 3) float32 linear RGB; 0 where nothing is.
        coverage: (H, W) float32 in 0-1.
        kind: (H, W) uint8, values of `Kind`.
        depth: (H, W) float32 metres along the camera's axis; inf where nothing is.
        normals: (H, W, 3) float32 unit vectors, world, of the smooth geometry (no displacement); 0 where nothing is.
        uv: (H, W, 2) float32 of the surface numbered 0 (the head), v up; nan elsewhere, and where it has no charts.
        face: (H, W) int64, triangle of the surface numbered 0; -1 elsewhere.
    """

    radiance: NDArray
    coverage: NDArray
    kind: NDArray
    depth: NDArray
    normals: NDArray
    uv: NDArray
    face: NDArray


@dataclass(frozen=True, eq=False)
class _Projection:
    """A camera on the device: intrinsics (3, 3) in pixels, world_to_camera (4, 4) in metres."""

    intrinsics: Tensor
    world_to_camera: Tensor
    perspective: bool

    def project(self, points: Tensor) -> Tensor:
        """(N, 3) pixels x, y and metres of depth of points (N, 3) in the world, metres."""
        return project(points, self.intrinsics, self.world_to_camera, self.perspective)


def render(
    surfaces: Sequence[SceneSurface],
    strands: Sequence[Strands],
    camera: Camera,
    light: Light,
    occlusion: NDArray | None = None,
    device: str = "cpu",
) -> Rendering:
    """Draw a scene.

    Args:
        surfaces: the first is the head, whose uv is kept; lenses (alpha < 1) are blended last.
        strands: hairs.
        occlusion: (V0,) float32, the share of the environment that reaches each vertex of the first surface.
        device: where torch computes; the result is the same up to rounding, and on one device always the same.

    Raises:
        BadInput: this is a fork of a process that used maquette.
    """
    refuse_forked()
    opaque = [s for s in surfaces if s.alpha >= 1]
    scene = gather(opaque, device)
    intrinsics = torch.as_tensor(camera.intrinsics, dtype=torch.float32, device=device)
    world_to_camera = torch.as_tensor(camera.world_to_camera, dtype=torch.float32, device=device)
    view = _Projection(intrinsics, world_to_camera, camera.projection == "perspective")
    fragments = rasterize(view.project(scene.vertices), scene.faces, camera.size, scene.one_sided)
    origin = -world_to_camera[:3, :3].T @ world_to_camera[:3, 3]
    shadow = cast(scene, strands, light, device)
    layers = _Layers(camera.size, device)
    ambient = None if occlusion is None else torch.as_tensor(occlusion, dtype=torch.float32, device=device)
    seen = _surface_points(scene, fragments, ambient)
    if seen is not None:
        layers.paint_surfaces(seen, shade(seen.points, light, shadow, origin), opaque)
    hairs = _hair_points([s for s in strands if len(s.points)], view, camera.size, fragments.depth)
    if hairs is not None:
        points, kinds = hairs
        layers.paint(points, shade(points, light, shadow, origin), kinds)
    for lens in (s for s in surfaces if s.alpha < 1):
        glass = gather([lens], device)
        seen = _surface_points(
            glass, rasterize(view.project(glass.vertices), glass.faces, camera.size, glass.one_sided), None
        )
        if seen is not None:
            points = layers.nearer(seen.points)
            layers.blend(points, shade(points, light, shadow, origin), lens)
    return layers.picture()


@dataclass(frozen=True, eq=False)
class _Surfaces:
    """The pixels of all surfaces, one surface behind the other.

    Attributes:
        points: N of them. counts: how many each surface has.
        uv: (N1, 2) float32 and face: (N1,) int64 of the first surface's; uv is None where it has no charts.
    """

    points: ShadingPoints
    counts: list[int]
    uv: Tensor | None
    face: Tensor


def _surface_points(scene: SceneTensors, fragments: Fragments, ambient: Tensor | None) -> _Surfaces | None:
    """The pixels that surfaces own, with what shading needs; ambient (V0,) of the first surface's vertices."""
    hits = flat_indices(fragments.hit)
    if not len(hits):
        return None
    face = fragments.face.view(-1).index_select(0, hits)
    owner = scene.owner.index_select(0, face)
    groups = [flat_indices(owner == k) for k in range(len(scene.surfaces))]
    order = torch.cat(groups)
    hits, face, owner = (v.index_select(0, order) for v in (hits, face, owner))
    weights, corners = fragments.barycentric.view(-1, 3).index_select(0, hits), scene.faces.index_select(0, face)
    light = torch.ones(len(scene.vertices), device=hits.device)
    if ambient is not None:
        light[: len(ambient)] = ambient
    values = mixed(weights, torch.cat([scene.vertices, scene.normals, light[:, None]], dim=1), corners).T.contiguous()
    normal = unit(values[3:6])
    constants = torch.tensor(
        [
            (float(np.mean(s.roughness)), s.specular, *(SKIN_WRAP if s.kind == Kind.SKIN else (0.0, 0.0, 0.0)))
            for s in scene.surfaces
        ],
        dtype=torch.float32,
        device=hits.device,
    ).T.contiguous()
    roughness, specular, *wrap = (row.index_select(0, owner) for row in constants)
    two_sided = torch.tensor([s.two_sided for s in scene.surfaces], device=hits.device).index_select(0, owner)
    depth = fragments.depth.view(-1).index_select(0, hits)
    points = ShadingPoints(
        hits, depth, values[:3], normal, normal.clone(), torch.empty_like(normal), roughness, values[6], specular,
        torch.stack(wrap), two_sided,
    )  # fmt: skip
    counts, first, charts = [len(g) for g in groups], 0, None
    for number, count in enumerate(counts):
        if count:
            at = slice(first, first + count)
            uv = _dress(points, scene, number, at, weights[at], face[at], corners[at])
            charts = uv if number == 0 else charts
        first += count
    return _Surfaces(points, counts, charts, face[: counts[0]])


def _dress(
    points: ShadingPoints,
    scene: SceneTensors,
    number: int,
    at: slice,
    weights: Tensor,
    face: Tensor,
    corners: Tensor,
) -> Tensor | None:
    """Write the albedo, roughness and bent normals of one surface's pixels; gives their (n, 2) uv if it has charts."""
    surface, (first_vertex, first_face), device = scene.surfaces[number], scene.starts[number], face.device
    uv = chart = None
    if surface.uvs is not None:
        chart = torch.as_tensor(surface.uv_faces, dtype=torch.int64, device=device)
        uvs = torch.as_tensor(surface.uvs, dtype=torch.float32, device=device)
        uv = mixed(weights, uvs, chart.index_select(0, face - first_face))
        if bool(((uv < 0) | (uv > 1)).any()):
            uv = torch.where((uv < 0) | (uv > 1), uv % 1, uv)  # cloth goes on beyond its sheet
    albedo = torch.as_tensor(np.require(surface.albedo, np.float32, "W"), device=device)
    if albedo.ndim == 1:
        points.albedo[:, at] = albedo[:, None]
    elif albedo.ndim == 2:
        points.albedo[:, at] = mixed(weights, albedo, corners - first_vertex).T
    elif uv is not None and chart is not None:
        points.albedo[:, at] = looked_up(albedo, uv).T
        if isinstance(surface.roughness, np.ndarray):
            points.roughness[at] = looked_up(torch.as_tensor(surface.roughness, device=device)[..., None], uv)[:, 0]
        if surface.displacement is not None:
            height = torch.as_tensor(surface.displacement, dtype=torch.float32, device=device)
            mesh = scene.faces[first_face : first_face + len(chart)]
            gradient = bumps(scene.vertices, mesh, uvs, chart, height, uv, face - first_face)
            points.shading_normal[:, at] = unit(points.normal[:, at] - gradient)
    return uv


def _hair_points(
    strands: Sequence[Strands], view: _Projection, size: tuple[int, int], before: Tensor
) -> tuple[ShadingPoints, Tensor] | None:
    """The N pixels where a hair is nearer than every surface, and (N,) uint8 their `Kind`; None if there are none.

    Hairs that are too fine to be seen are left out.
    """
    best, owner = before, torch.full(before.shape, -1, dtype=torch.int64, device=before.device)
    drawn: list[tuple[Strands, Tensor, Tensor]] = []
    for hairs in strands:
        thinned = _projected_hairs(hairs, view, size)
        if thinned is None:
            continue
        kept, flat, radius = thinned
        segment, along, depth = splat(flat, radius, size, before)
        owner = owner.masked_fill(depth < best, len(drawn))
        best = torch.minimum(best, depth)
        drawn.append((kept, segment, along))
    found, kinds = [], []
    for number, (kept, segment, along) in enumerate(drawn):
        pixel = flat_indices(owner == number)
        kinds.append(torch.full(pixel.shape, int(kept.kind), dtype=torch.uint8, device=pixel.device))
        values = (v.view(-1).index_select(0, pixel) for v in (segment, along, best))
        found.append(_along_hairs(kept, pixel, *values))
    if not sum(len(points.pixel) for points in found):
        return None
    columns = [[v for v in vars(points).values() if v is not None] for points in found]
    return ShadingPoints(*(torch.cat(column, dim=-1) for column in zip(*columns, strict=True))), torch.cat(kinds)


def _projected_hairs(
    strands: Strands, view: _Projection, size: tuple[int, int]
) -> tuple[Strands, Tensor, Tensor] | None:
    """The hairs that are drawn, (N, S, 3) where they are on the picture and (N, S) their radius in pixels."""
    device = view.intrinsics.device
    points = torch.as_tensor(strands.points, dtype=torch.float32, device=device)
    radius = torch.as_tensor(strands.radius, dtype=torch.float32, device=device)
    flat = view.project(points.reshape(-1, 3)).view(points.shape)
    focal = view.intrinsics[0, 0] / (flat[:, :, 2].clamp(min=1e-3) if view.perspective else torch.ones_like(radius))
    radius = radius * focal
    if 2 * float(radius.mean()) < FINEST:
        return None
    every = thinning(flat, size)
    kept = replace(
        strands, points=strands.points[::every], radius=strands.radius[::every], albedo=strands.albedo[::every]
    )
    return kept, flat[::every], radius[::every]


def _along_hairs(strands: Strands, pixel: Tensor, segment: Tensor, along: Tensor, depth: Tensor) -> ShadingPoints:
    """What pixels (N,) see of segments (N,) of hairs, at places (N,) along them."""
    samples = strands.points.shape[1]
    start = segment + segment // (samples - 1)
    points, colors = (
        torch.as_tensor(v, dtype=torch.float32, device=pixel.device).reshape(-1, 3)
        for v in (strands.points, strands.albedo)
    )
    first, second, color, last = (
        v.index_select(0, k).T.contiguous() for v in (points, colors) for k in (start, start + 1)
    )
    position = first + along * (second - first)
    tangent = unit(second - first, 1e-9)
    outward = position - points.mean(0)[:, None]
    normal = unit(outward - dot(outward, tangent) * tangent, 1e-9)
    ones, none = torch.ones_like(depth), torch.zeros_like(depth)
    return ShadingPoints(
        pixel, depth, position, normal, normal, color + along * (last - color), 0.35 * ones, ones, 0.04 * ones,
        torch.zeros_like(normal), none > 0, tangent,
    )  # fmt: skip


class _Layers:
    """The picture while it is painted; pixels in one row."""

    def __init__(self, size: tuple[int, int], device: str) -> None:
        self.shape, count = (size[1], size[0]), size[0] * size[1]
        self.radiance = torch.zeros((count, 3), device=device)
        self.coverage = torch.zeros(count, device=device)
        self.kind = torch.zeros(count, dtype=torch.uint8, device=device)
        self.depth = torch.full((count,), float("inf"), device=device)
        self.normals = torch.zeros((count, 3), device=device)
        self.uv = torch.full((count, 2), float("nan"), device=device)
        self.face = torch.full((count,), -1, dtype=torch.int64, device=device)

    def paint_surfaces(self, seen: _Surfaces, color: Tensor, surfaces: Sequence[SceneSurface]) -> None:
        """The first layer: no pixel has anything yet."""
        points, mine = seen.points, seen.points.pixel[: seen.counts[0]]
        self._cover(points, color)
        kinds = torch.tensor([int(s.kind) for s in surfaces], dtype=torch.uint8, device=color.device)
        counts = torch.tensor(seen.counts, device=color.device)
        self.kind.index_copy_(0, points.pixel, kinds.repeat_interleave(counts))
        self.face.index_copy_(0, mine, seen.face)
        if seen.uv is not None:
            self.uv.index_copy_(0, mine, seen.uv)

    def paint(self, points: ShadingPoints, color: Tensor, kinds: Tensor) -> None:
        """Something that is not the first surface, nearer than all that is there; kinds (N,) uint8."""
        self._cover(points, color)
        self._name(points.pixel, kinds)

    def nearer(self, points: ShadingPoints) -> ShadingPoints:
        """Those before all that is painted."""
        return points.keep(flat_indices(points.depth < self.depth.index_select(0, points.pixel)))

    def blend(self, points: ShadingPoints, color: Tensor, lens: SceneSurface) -> None:
        at, alpha = points.pixel, lens.alpha
        self.radiance.index_copy_(0, at, alpha * color.T + (1 - alpha) * self.radiance.index_select(0, at))
        self.coverage.index_copy_(0, at, alpha + (1 - alpha) * self.coverage.index_select(0, at))
        if alpha > 0.5:
            self.depth.index_copy_(0, at, points.depth)
            self.normals.index_copy_(0, at, points.normal.T)
            self._name(at, torch.full(at.shape, int(lens.kind), dtype=torch.uint8, device=at.device))

    def _cover(self, points: ShadingPoints, color: Tensor) -> None:
        self.radiance.index_copy_(0, points.pixel, color.T)
        self.coverage.index_fill_(0, points.pixel, 1.0)
        self.depth.index_copy_(0, points.pixel, points.depth)
        self.normals.index_copy_(0, points.pixel, points.normal.T)

    def _name(self, pixel: Tensor, kinds: Tensor) -> None:
        self.kind.index_copy_(0, pixel, kinds)
        self.uv.index_fill_(0, pixel, float("nan"))
        self.face.index_fill_(0, pixel, -1)

    def picture(self) -> Rendering:
        names = ("radiance", "coverage", "kind", "depth", "normals", "uv", "face")
        values = (getattr(self, name) for name in names)
        return Rendering(*(v.view(*self.shape, *v.shape[1:]).cpu().numpy() for v in values))
