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
from maquette.geometry.rendering.rasterize import Fragments, project, rasterize, splat
from maquette.synthesis.rendering.light import Light
from maquette.synthesis.rendering.scene import SceneTensors, gather
from maquette.synthesis.rendering.shade import ShadingPoints, shade
from maquette.synthesis.rendering.shadow import cast, thinning
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
        strands: hairs, of kind HAIR.
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
    hairs = [_hair_points(s, view, camera.size, fragments.depth) for s in strands if len(s.points)]
    origin = -world_to_camera[:3, :3].T @ world_to_camera[:3, 3]
    shadow = cast(scene, strands, light, device)
    layers = _Layers(camera.size, device)
    ambient = None if occlusion is None else torch.as_tensor(occlusion, dtype=torch.float32, device=device)
    for number in range(len(opaque)):
        points = _surface_points(scene, fragments, number, ambient if number == 0 else None)
        if points is not None:
            layers.paint(points, shade(points, light, shadow, origin), number == 0)
    # Nearer hair comes last and wins only where it is nearest.
    for points in (found for found in hairs if found is not None):
        points = points.keep(points.depth < layers.depth[points.row, points.column])
        layers.paint(points, shade(points, light, shadow, origin), False)
    for lens in (s for s in surfaces if s.alpha < 1):
        glass = gather([lens], device)
        seen = rasterize(view.project(glass.vertices), glass.faces, camera.size, glass.one_sided)
        points = _surface_points(glass, seen, 0, None)
        if points is not None:
            points = points.keep(points.depth < layers.depth[points.row, points.column])
            layers.blend(points, shade(points, light, shadow, origin), lens.alpha)
    return layers.picture()


def _surface_points(
    scene: SceneTensors, fragments: Fragments, number: int, ambient: Tensor | None
) -> ShadingPoints | None:
    """The pixels that one surface owns, with what shading needs."""
    mine = fragments.hit & (scene.owner[fragments.face.clamp(min=0)] == number)
    row, column = mine.nonzero(as_tuple=True)
    if not len(row):
        return None
    surface, weights, face = scene.surfaces[number], fragments.barycentric[mine], fragments.face[mine]
    device = weights.device
    corners = scene.faces[face]
    first_vertex, first_face = scene.starts[number]
    normal = torch.nn.functional.normalize(_mixed(weights, scene.normals, corners), dim=1)
    plain = np.zeros(3) if surface.albedo.ndim == 3 else surface.albedo  # a texture is looked up below
    points = ShadingPoints(
        row,
        column,
        fragments.depth[mine],
        _mixed(weights, scene.vertices, corners),
        normal,
        normal,
        torch.as_tensor(plain, dtype=torch.float32, device=device),
        torch.full((len(row),), float(np.mean(surface.roughness)), device=device),
        torch.ones(len(row), device=device) if ambient is None else _mixed(weights, ambient[:, None], corners)[:, 0],
        kind=surface.kind,
        specular=surface.specular,
        two_sided=surface.two_sided,
        face=face - first_face,
    )
    if surface.uvs is not None:
        uvs = torch.as_tensor(surface.uvs, dtype=torch.float32, device=device)
        chart = torch.as_tensor(surface.uv_faces, dtype=torch.int64, device=device)[face - first_face]
        uv = _mixed(weights, uvs, chart)
        points = replace(points, uv=torch.where((uv < 0) | (uv > 1), uv % 1, uv))  # cloth goes on beyond its sheet
        if surface.albedo.ndim == 3:
            return _textured(points, surface, scene.vertices[corners], uvs[chart])
    if surface.albedo.ndim == 2:
        return replace(points, albedo=_mixed(weights, points.albedo, corners - first_vertex))
    return replace(points, albedo=points.albedo.expand(len(row), 3))


def _mixed(weights: Tensor, values: Tensor, indices: Tensor) -> Tensor:
    """(N, C) values (V, C) at triangles' corners (N, 3), mixed by barycentric weights (N, 3)."""
    return (weights[:, :, None] * values[indices]).sum(dim=1)


def _textured(points: ShadingPoints, surface: SceneSurface, corners: Tensor, chart: Tensor) -> ShadingPoints:
    """Albedo, roughness and bent normal of pixels looked up in the surface's textures.

    Args:
        corners: (N, 3, 3) metres, the triangles of the pixels. chart: (N, 3, 2) their uvs.
    """
    assert points.uv is not None, "a SceneSurface with a texture has uvs"
    device = points.uv.device
    sheet = _sheet(surface, device)
    looked = torch.nn.functional.grid_sample(
        sheet[None],
        (points.uv * torch.tensor([2.0, -2.0], device=device) + torch.tensor([-1.0, 1.0], device=device))[None, None],
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )[0, :, 0].T
    points = replace(points, albedo=looked[:, :3], roughness=looked[:, 3])
    if surface.displacement is None:
        return points
    return replace(points, shading_normal=_bend(points.normal, corners, chart, looked[:, 4:6]))


def _sheet(surface: SceneSurface, device: torch.device) -> Tensor:
    """(6, H, W): albedo, roughness, and the displacement's slopes along u and v, metres per unit of uv."""
    height, width = surface.albedo.shape[:2]
    rough = np.broadcast_to(np.asarray(surface.roughness, np.float32), (height, width))
    sheet = [*np.moveaxis(surface.albedo, 2, 0), rough]
    if surface.displacement is not None:
        down, right = np.gradient(surface.displacement)
        sheet += [right * width, -down * height]
    return torch.as_tensor(np.stack(sheet).astype(np.float32), device=device)


def _bend(normal: Tensor, corners: Tensor, uv: Tensor, slope: Tensor) -> Tensor:
    """(N, 3) the normal of the displaced surface: N minus the surface gradient of the height."""
    edge, flat = corners[:, 1:] - corners[:, :1], uv[:, 1:] - uv[:, :1]
    determinant = flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 0, 1] * flat[:, 1, 0]
    determinant = torch.where(determinant.abs() < 1e-12, torch.ones_like(determinant), determinant)[:, None]
    along_u = (flat[:, 1, 1:] * edge[:, 0] - flat[:, 0, 1:] * edge[:, 1]) / determinant
    along_v = (flat[:, 0, :1] * edge[:, 1] - flat[:, 1, :1] * edge[:, 0]) / determinant
    uu, uv_, vv = (along_u**2).sum(1), (along_u * along_v).sum(1), (along_v**2).sum(1)
    area = (uu * vv - uv_**2).clamp(min=1e-12)
    weight_u = (vv * slope[:, 0] - uv_ * slope[:, 1]) / area
    weight_v = (uu * slope[:, 1] - uv_ * slope[:, 0]) / area
    gradient = weight_u[:, None] * along_u + weight_v[:, None] * along_v
    # Charts' borders give wild slopes; no skin is steeper than 60 degrees at this scale.
    steep = gradient.norm(dim=1, keepdim=True)
    return torch.nn.functional.normalize(normal - gradient * (1.7 / steep.clamp(min=1.7)), dim=1)


def _hair_points(strands: Strands, view: _Projection, size: tuple[int, int], before: Tensor) -> ShadingPoints | None:
    """The pixels where a hair is nearer than every surface; None if hairs are too fine to be seen."""
    device = before.device
    points = torch.as_tensor(strands.points, dtype=torch.float32, device=device)
    samples = points.shape[1]
    flat = view.project(points.reshape(-1, 3)).reshape(points.shape)
    radius = torch.as_tensor(strands.radius, dtype=torch.float32, device=device)
    focal = view.intrinsics[0, 0] / (flat[:, :, 2].clamp(min=1e-3) if view.perspective else torch.ones_like(radius))
    if 2 * float((radius * focal).mean()) < FINEST:
        return None
    every = thinning(flat, size)
    points, flat, radius = points[::every], flat[::every], radius[::every]
    segment, along, depth = splat(flat, radius * focal[::every], size, before)
    mine = (segment >= 0) & (depth < before)
    row, column = mine.nonzero(as_tuple=True)
    segment, along = segment[mine], along[mine][:, None]
    strand, start = segment // (samples - 1), segment % (samples - 1)
    colors = torch.as_tensor(strands.albedo[::every], dtype=torch.float32, device=device)
    first, second = points[strand, start], points[strand, start + 1]
    position = first + along * (second - first)
    tangent = torch.nn.functional.normalize(second - first, dim=1, eps=1e-9)
    outward = position - points.reshape(-1, 3).mean(0)
    normal = outward - (outward * tangent).sum(1, keepdim=True) * tangent
    normal = torch.nn.functional.normalize(normal, dim=1, eps=1e-9)
    albedo = colors[strand, start] + along * (colors[strand, start + 1] - colors[strand, start])
    ones = torch.ones(len(row), device=device)
    return ShadingPoints(
        row, column, depth[mine], position, normal, normal, albedo, 0.35 * ones, ones, kind=Kind.HAIR, tangent=tangent
    )


class _Layers:
    """The picture while it is painted."""

    def __init__(self, size: tuple[int, int], device: str) -> None:
        shape = (size[1], size[0])
        self.radiance = torch.zeros((*shape, 3), device=device)
        self.coverage = torch.zeros(shape, device=device)
        self.kind = torch.zeros(shape, dtype=torch.uint8, device=device)
        self.depth = torch.full(shape, float("inf"), device=device)
        self.normals = torch.zeros((*shape, 3), device=device)
        self.uv = torch.full((*shape, 2), float("nan"), device=device)
        self.face = torch.full(shape, -1, dtype=torch.int64, device=device)

    def paint(self, points: ShadingPoints, color: Tensor, is_head: bool) -> None:
        at = (points.row, points.column)
        self.radiance[at], self.coverage[at], self.depth[at] = color, 1.0, points.depth
        self.normals[at], self.kind[at] = points.normal, int(points.kind)
        self.uv[at] = points.uv if is_head and points.uv is not None else float("nan")
        self.face[at] = points.face if is_head and points.face is not None else -1

    def blend(self, points: ShadingPoints, color: Tensor, alpha: float) -> None:
        at = (points.row, points.column)
        self.radiance[at] = alpha * color + (1 - alpha) * self.radiance[at]
        self.coverage[at] = alpha + (1 - alpha) * self.coverage[at]
        if alpha > 0.5:
            self.kind[at], self.depth[at], self.normals[at] = int(points.kind), points.depth, points.normal
            self.uv[at], self.face[at] = float("nan"), -1

    def picture(self) -> Rendering:
        names = ("radiance", "coverage", "kind", "depth", "normals", "uv", "face")
        return Rendering(*(getattr(self, name).cpu().numpy() for name in names))
