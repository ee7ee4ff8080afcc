"""Cast shadows: the scene seen from the lamp (Williams 1978), with soft edges by averaging (Reeves 1987)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maquette.geometry.rendering.rasterize import depth_map, splat
from maquette.synthesis.rendering.light import Light
from maquette.synthesis.rendering.scene import SceneTensors
from maquette.synthesis.types import Strands

SIZE = 160  # pixels of the map's side
FAR = 10.0  # metres added so that every depth is positive
BIAS = 0.0045  # metres; the map's pixel is 3 to 4 mm
DIFFUSE = 0.03  # metres of softness from which a shadow has no edge left; occlusion stands for it
OVERDRAW = 6.0  # hairs over each pixel of the hair's box; fewer show the scalp
TAPS = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]])


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """Depth towards a lamp: axes (3, 3) world to lamp, pixels per metre, centre (3,) world."""

    depth: Tensor
    axes: Tensor
    scale: float
    centre: Tensor
    softness: float

    def lit(self, position: Tensor, normal: Tensor) -> Tensor:
        """(N,) float32, how much of the lamp points (3, N) see, 0-1."""
        local = self.axes @ (position + 0.002 * normal - self.centre[:, None])
        depth, seen = local[2] + FAR - BIAS, self.depth.flatten()
        radius = max(0.8, self.softness * self.scale)
        # Few steps to the side make up all taps: each is rounded to a pixel once.
        steps = sorted(set(TAPS.ravel().tolist()))
        columns, rows = (
            {step: (axis * self.scale + (SIZE / 2 + radius * step)).clamp(0, SIZE - 1).int() for step in steps}
            for axis in local[:2]
        )
        total = torch.zeros_like(depth)
        for across, down in TAPS.tolist():
            total += seen.index_select(0, rows[down] * SIZE + columns[across]) > depth
        return total / len(TAPS)


def thinning(flat: Tensor, size: tuple[int, int]) -> int:
    """Draw every n-th hair: enough that each pixel of the hair is covered `OVERDRAW` times; (N, S, 3) pixels."""
    if not len(flat):
        return 1
    x, y = flat[:, :, 0], flat[:, :, 1]
    painted = float(torch.hypot(x[:, 1:] - x[:, :-1], y[:, 1:] - y[:, :-1]).sum())
    wide, high = (max(1.0, min(float(v.max()), most) - max(0.0, float(v.min()))) for v, most in zip((x, y), size))
    return max(1, int(painted / (OVERDRAW * wide * high)))


def cast(scene: SceneTensors, strands: Sequence[Strands], light: Light, device: str) -> ShadowMap | None:
    """The shadow map of the first lamp over the scene's triangles and hairs.

    Returns:
        None without lamps, or where the lamp is as large as a window close by.
    """
    if not len(light.towards) or light.softness >= DIFFUSE:
        return None
    forward = -torch.as_tensor(light.towards[0], device=device)
    helper = torch.tensor([0.0, 1.0, 0.0] if abs(float(forward[1])) < 0.9 else [1.0, 0.0, 0.0], device=device)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, helper), dim=0)
    axes = torch.stack([right, torch.linalg.cross(forward, right), forward])
    low, high = scene.vertices.amin(0), scene.vertices.amax(0)
    centre = (low + high) / 2
    local = axes @ (scene.vertices - centre).T
    scale = SIZE / 2 / float(local[:2].abs().max() * 1.02 + 1e-6)
    stretch = torch.tensor([[scale], [scale], [1.0]], device=device)
    shift = torch.tensor([[SIZE / 2], [SIZE / 2], [FAR]], device=device)
    depth = depth_map((local * stretch + shift).T, scene.faces, (SIZE, SIZE))
    for s in strands:
        if len(s.points):
            points = torch.as_tensor(s.points, dtype=torch.float32, device=device)
            radius = torch.as_tensor(s.radius, dtype=torch.float32, device=device) * scale
            flat = (axes @ (points.reshape(-1, 3) - centre).T * stretch + shift).T.view(points.shape)
            every = thinning(flat, (SIZE, SIZE))
            depth = torch.minimum(depth, splat(flat[::every], radius[::every], (SIZE, SIZE), depth)[2])
    return ShadowMap(depth, axes, scale, centre, light.softness)
