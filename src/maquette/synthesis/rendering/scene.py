"""The surfaces of a scene as one list of triangles on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maquette.synthesis.types import SceneSurface


@dataclass(frozen=True, eq=False)
class SceneTensors:
    """All opaque surfaces in one list of triangles, on the device; surface k starts at starts[k] (vertex, face)."""

    surfaces: Sequence[SceneSurface]
    starts: Sequence[tuple[int, int]]
    vertices: Tensor
    normals: Tensor
    faces: Tensor
    owner: Tensor
    one_sided: Tensor


def gather(surfaces: Sequence[SceneSurface], device: str) -> SceneTensors:
    """Put surfaces one behind the other; smooth normals by area-weighted averaging."""
    count = np.cumsum([0, *[len(s.vertices) for s in surfaces]])
    starts = list(zip(count.tolist(), np.cumsum([0, *[len(s.faces) for s in surfaces]]).tolist()))
    vertices = torch.as_tensor(np.concatenate([s.vertices for s in surfaces]), dtype=torch.float32, device=device)
    corner_index = np.concatenate([s.faces + start for s, start in zip(surfaces, count)]).astype(np.int64)
    number = np.repeat(np.arange(len(surfaces)), [len(s.faces) for s in surfaces])
    one_sided = np.array([not s.two_sided for s in surfaces])[number]
    faces, owner = torch.as_tensor(corner_index, device=device), torch.as_tensor(number, device=device)
    first, second, third = (vertices.index_select(0, corner.contiguous()) for corner in faces.unbind(dim=1))
    flat = torch.linalg.cross(second - first, third - first)
    normals = torch.zeros_like(vertices)
    for corner in range(3):
        normals.index_add_(0, faces[:, corner], flat)
    normals = torch.nn.functional.normalize(normals, dim=1, eps=1e-20)
    return SceneTensors(surfaces, starts, vertices, normals, faces, owner, torch.as_tensor(one_sided, device=device))
