"""Reflection: environment and lamps on skin, eyes, cloth and hair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from maquette.synthesis.rendering.light import COSINE_LOBE, Light
from maquette.synthesis.rendering.shadow import ShadowMap
from maquette.synthesis.types import Kind

# Light that enters skin leaves it elsewhere: the terminator is soft, red most (Jensen 2001 gives the mean free paths).
SKIN_WRAP = (0.28, 0.12, 0.07)
HAIR_SHINE = 0.18  # strength of the hair's first highlight


@dataclass(frozen=True, eq=False)
class ShadingPoints:
    """Pixels of one material: N of them; positions and vectors in the world, metres."""

    row: Tensor
    column: Tensor
    depth: Tensor
    position: Tensor
    normal: Tensor
    shading_normal: Tensor
    albedo: Tensor
    roughness: Tensor
    occlusion: Tensor
    kind: Kind = Kind.SKIN
    specular: float = 0.04
    two_sided: bool = False
    uv: Tensor | None = None
    face: Tensor | None = None
    tangent: Tensor | None = None

    def keep(self, which: Tensor) -> ShadingPoints:
        """Only these pixels; which (N,) bool."""
        changes: dict[str, Any] = {k: v[which] for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **changes)


def harmonics(directions: Tensor) -> Tensor:
    """(N, 9) real spherical harmonics, bands 0 to 2, of unit vectors (N, 3) (Ramamoorthi & Hanrahan 2001, eq. 3)."""
    x, y, z = directions.unbind(dim=1)
    first = [torch.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x]
    second = [1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z]
    return torch.stack([*first, *second, 0.546274 * (x * x - y * y)], dim=1)


def shade(points: ShadingPoints, light: Light, shadow: ShadowMap | None, origin: Tensor) -> Tensor:
    """(N, 3) float32 linear RGB towards a camera at origin (3,) world."""
    device = points.depth.device
    view = torch.nn.functional.normalize(origin - points.position, dim=1)
    normal = points.shading_normal
    if points.two_sided:
        normal = torch.where((normal * view).sum(1, keepdim=True) < 0, -normal, normal)
    lobe = torch.as_tensor(COSINE_LOBE, dtype=torch.float32, device=device)
    environment = torch.as_tensor(light.environment, device=device)
    around = (harmonics(normal) * lobe) @ environment
    color = points.albedo * around.clamp(min=0) * points.occlusion[:, None]
    facing = (normal * view).sum(1).clamp(0.02, 1)
    if points.tangent is None:
        mirrored = 2 * facing[:, None] * normal - view
        fresnel = points.specular + (1 - points.specular) * (1 - facing) ** 5
        gloss = fresnel * (1 - points.roughness) ** 2
        seen = ((harmonics(mirrored) * lobe) @ environment).clamp(min=0)
        color = color + (gloss * points.occlusion)[:, None] * seen
    for k, (towards, lamp) in enumerate(zip(light.towards, light.colors)):
        towards = torch.as_tensor(towards, device=device)
        lit = shadow.lit(points.position, points.normal) if shadow is not None and k == 0 else points.occlusion
        lamp = torch.as_tensor(lamp, device=device) * lit[:, None]
        color = color + lamp * (
            _skin(points, normal, view, towards)
            if points.tangent is None
            else _hair(points, points.tangent, view, towards)
        )
    return color


def _skin(points: ShadingPoints, normal: Tensor, view: Tensor, towards: Tensor) -> Tensor:
    """Wrapped Lambert and a normalised Blinn-Phong highlight with Schlick's Fresnel term."""
    cosine = (normal @ towards)[:, None]
    wrap = torch.tensor(SKIN_WRAP if points.kind == Kind.SKIN else (0.0, 0.0, 0.0), device=normal.device)
    diffuse = ((cosine + wrap) / (1 + wrap)).clamp(min=0) / (1 + wrap)
    half = torch.nn.functional.normalize(view + towards, dim=1)
    power = 2 / points.roughness.clamp(0.04, 1) ** 4 - 2 + 1e-3
    fresnel = points.specular + (1 - points.specular) * (1 - (half @ towards).clamp(0, 1)) ** 5
    peak = (normal * half).sum(1).clamp(1e-4, 1) ** power * (power + 8) / 8 * fresnel
    return points.albedo * diffuse + (peak * cosine[:, 0].clamp(min=0)).clamp(max=6)[:, None]


def _hair(points: ShadingPoints, tangent: Tensor, view: Tensor, towards: Tensor) -> Tensor:
    """Kajiya & Kay 1989: diffuse by the sine to the light, a highlight about the mirror cone; dimmed from behind."""
    to_light, to_view = tangent @ towards, (tangent * view).sum(1)
    sine_light, sine_view = (1 - to_light**2).clamp(min=0).sqrt(), (1 - to_view**2).clamp(min=0).sqrt()
    behind = (0.35 + 0.65 * (points.normal @ towards)).clamp(0, 1)
    shine = (sine_light * sine_view - to_light * to_view).clamp(0, 1) ** 24
    return (points.albedo * sine_light[:, None] * 0.8 + HAIR_SHINE * shine[:, None] * (0.3 + points.albedo)) * behind[
        :, None
    ]
