"""Reflection: environment and lamps on skin, eyes, cloth and hair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from maquette.geometry.rendering.rasterize import flat_indices
from maquette.synthesis.rendering.light import COSINE_LOBE, Light
from maquette.synthesis.rendering.shadow import ShadowMap

# Light that enters skin leaves it elsewhere: the terminator is soft, red most (Jensen 2001 gives the mean free paths).
SKIN_WRAP = (0.28, 0.12, 0.07)
HAIR_SHINE = 0.18  # strength of the hair's first highlight


@dataclass(frozen=True, eq=False)
class ShadingPoints:
    """What N pixels see; vectors in the world, one axis behind the other in memory, metres.

    Attributes:
        pixel: (N,) int64 of the picture, counted row by row. depth: (N,) metres.
        position, normal, shading_normal, albedo: (3, N).
        roughness, occlusion, specular: (N,).
        wrap: (3, N) how far past the terminator lamps reach, red, green, blue; see `SKIN_WRAP`.
        two_sided: (N,) bool.
        tangent: (3, N), only of hair.
    """

    pixel: Tensor
    depth: Tensor
    position: Tensor
    normal: Tensor
    shading_normal: Tensor
    albedo: Tensor
    roughness: Tensor
    occlusion: Tensor
    specular: Tensor
    wrap: Tensor
    two_sided: Tensor
    tangent: Tensor | None = None

    def keep(self, which: Tensor) -> ShadingPoints:
        """Only these pixels; which (M,) int64."""
        values = {k: v for k, v in vars(self).items() if isinstance(v, Tensor)}
        changes: dict[str, Any] = {k: v.index_select(-1, which) for k, v in values.items()}
        return replace(self, **changes)


def harmonics(directions: Tensor) -> Tensor:
    """(9, N) real spherical harmonics, bands 0 to 2, of unit vectors (3, N) (Ramamoorthi & Hanrahan 2001, eq. 3)."""
    x, y, z = directions
    first = [torch.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x]
    second = [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z]
    return torch.stack([*first, *second, 0.546274 * (x * x - y * y)])


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(N,) of vectors (3, N) and (3, N) or (3, 1)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(vectors: Tensor, least: float = 1e-12) -> Tensor:
    """(3, N) vectors over their lengths, or over `least` where they are shorter."""
    return vectors / dot(vectors, vectors).sqrt().clamp(min=least)


def shade(points: ShadingPoints, light: Light, shadow: ShadowMap | None, origin: Tensor) -> Tensor:
    """(3, N) float32 linear RGB towards a camera at origin (3,) world."""
    device = points.depth.device
    view = unit(origin[:, None] - points.position)
    normal, facing = points.shading_normal, dot(points.shading_normal, view)
    if points.tangent is None:
        away = points.two_sided & (facing < 0)
        normal, facing = torch.where(away, -normal, normal), torch.where(away, -facing, facing)
    lobe = torch.as_tensor(COSINE_LOBE[:, None] * light.environment, dtype=torch.float32, device=device).T
    color = points.albedo * (lobe @ harmonics(normal)).clamp(min=0) * points.occlusion
    facing = facing.clamp(0.02, 1)
    if points.tangent is None:
        mirrored = 2 * facing * normal - view
        gloss = _fresnel(points.specular, facing) * (1 - points.roughness) ** 2
        color = color + gloss * points.occlusion * (lobe @ harmonics(mirrored)).clamp(min=0)
    for k, (towards, lamp) in enumerate(zip(light.towards, light.colors)):
        towards, lamp = (torch.as_tensor(v, dtype=torch.float32, device=device)[:, None] for v in (towards, lamp))
        if points.tangent is None:
            reflected = _skin(points, normal, view, towards)
        else:
            reflected = _hair(points, points.tangent, view, towards)
        lit = points.occlusion if shadow is None or k else _lit(points, shadow, reflected)
        color = color + lamp * lit * reflected
    return color


def _lit(points: ShadingPoints, shadow: ShadowMap, reflected: Tensor) -> Tensor:
    """(N,) share of the lamp that is seen; only where its light (3, N) would show."""
    shown = flat_indices(reflected[0] + reflected[1] + reflected[2] > 0)
    if 1.25 * len(shown) > len(points.depth):
        return shadow.lit(points.position, points.normal)
    lit = torch.zeros_like(points.depth)
    few = shadow.lit(points.position.index_select(1, shown), points.normal.index_select(1, shown))
    return lit.index_copy_(0, shown, few)


def _fresnel(specular: Tensor, cosine: Tensor) -> Tensor:
    """Schlick 1994: the share that is mirrored."""
    rest = 1 - cosine
    square = rest * rest
    return specular + (1 - specular) * (square * square * rest)


def _skin(points: ShadingPoints, normal: Tensor, view: Tensor, towards: Tensor) -> Tensor:
    """Wrapped Lambert and a normalised Blinn-Phong highlight with Schlick's Fresnel term."""
    cosine = dot(normal, towards)
    diffuse = (cosine + points.wrap).clamp(min=0) / (1 + points.wrap) ** 2
    half = unit(view + towards)
    square = points.roughness.clamp(0.04, 1) ** 2
    power = 2 / (square * square) - 2 + 1e-3
    fresnel = _fresnel(points.specular, dot(half, towards).clamp(0, 1))
    peak = dot(normal, half).clamp(1e-4, 1) ** power * (power + 8) / 8 * fresnel
    return points.albedo * diffuse + (peak * cosine.clamp(min=0)).clamp(max=6)


def _hair(points: ShadingPoints, tangent: Tensor, view: Tensor, towards: Tensor) -> Tensor:
    """Kajiya & Kay 1989: diffuse by the sine to the light, a highlight about the mirror cone; dimmed from behind."""
    to_light, to_view = dot(tangent, towards), dot(tangent, view)
    sine_light, sine_view = (1 - to_light**2).clamp(min=0).sqrt(), (1 - to_view**2).clamp(min=0).sqrt()
    behind = (0.35 + 0.65 * dot(points.normal, towards)).clamp(0, 1)
    shine = (sine_light * sine_view - to_light * to_view).clamp(0, 1) ** 24
    return (points.albedo * sine_light * 0.8 + HAIR_SHINE * shine * (0.3 + points.albedo)) * behind
