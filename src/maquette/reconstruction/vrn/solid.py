"""The solid that VRN learns: a face with a flat back, asked for point by point, so that no volume is ever stored.

The rules are the paper's: face region only, seen from the front; a depth map closed over mouth and eyes; filled back to
a fixed plane behind the face; turned with the head. The picture's perspective stays in it, for the volume is aligned
with the picture's pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from maquette.geometry.rendering.rasterize import rasterize
from maquette.morphable import MorphableModel, load
from maquette.reconstruction.vrn.raw import DEPTH_STEP

CELL_M = 0.002  # of the depth map
GRID = (88, 122)  # its width and height
CORNER_M = (-0.088, 0.112)  # world x, y of the corner of its first row
BACK_M = -0.064  # the plane, just behind the hindmost point of the average face region
AHEAD_M = 1.0  # where the map is seen from
FAR_SHARE = 0.6  # of the slices lie beyond the landmarks' mean depth


@lru_cache(maxsize=1)
def outer_faces() -> tuple[NDArray, NDArray]:
    """Triangles of skin and eyes (F, 3), and which of them (F,) are the face: hairline to chin, without the ears."""
    model = load("maquette-head")
    chosen = np.sort(np.concatenate([model.parts[name] for name in ("skin", "eyeLeft", "eyeRight")]))
    faces = model.faces[chosen]
    eyes = np.isin(chosen, np.concatenate([model.parts["eyeLeft"], model.parts["eyeRight"]]))
    return faces, (model.regions["face"][faces] > 0.5).all(axis=1) | eyes


def depth_map(vertices: NDArray) -> NDArray:
    """(122, 88) float32 metres: world z of the face's front, seen along z; NaN beside the face.

    Args:
        vertices: (V, 3) metres of the shipped head, canonical frame.
    """
    faces, of_face = outer_faces()
    grid = (vertices - [*CORNER_M, AHEAD_M]) * [1 / CELL_M, -1 / CELL_M, -1.0]
    seen = rasterize(torch.from_numpy(grid.astype(np.float32)), torch.from_numpy(faces.astype(np.int64)), GRID)
    face, depth = seen.face.numpy(), AHEAD_M - seen.depth.numpy()
    known = (face >= 0) & of_face[np.maximum(face, 0)]
    inside = ndimage.binary_fill_holes(known)
    return np.where(inside, _bridged(np.where(known, depth, 0.0), known), np.nan).astype(np.float32)


def _bridged(depth: NDArray, known: NDArray) -> NDArray:
    """Unknown depths as the average of known ones near them, in ever wider circles."""
    depth, known = depth.astype(np.float32), known.astype(np.float32)
    for radius in (1.0, 2.0, 4.0, 8.0):
        weight = cv2.GaussianBlur(known, (0, 0), radius)
        blurred = cv2.GaussianBlur(depth * known, (0, 0), radius) / np.maximum(weight, 1e-6)
        reached = (known == 0) & (weight > 0.02)
        depth, known = np.where(reached, blurred, depth), np.where(reached, 1.0, known).astype(np.float32)
    return depth


@dataclass(frozen=True, eq=False)
class CropProjection:
    """How a head lies in a crop: (x w, y w, d) = matrix @ (point, 1) with w = 1 + slope d.

    d is the depth away from the camera, in pixels at the mean depth of the head's landmarks, where it is 0.

    Attributes:
        matrix: (3, 4), pixels per metre.
        slope: 1 / focal length in pixels of the crop; 0 is orthographic.
    """

    matrix: NDArray
    slope: float

    @classmethod
    def of(cls, points: NDArray, seen: NDArray) -> CropProjection:
        """From points of the head (N, 3), metres, and where they are seen (N, 3): x, y, d. Least squares."""
        ones = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        zero = np.zeros_like(ones)
        system = np.concatenate(
            [
                np.concatenate([ones, zero, -(seen[:, 0] * seen[:, 2])[:, None]], axis=1),
                np.concatenate([zero, ones, -(seen[:, 1] * seen[:, 2])[:, None]], axis=1),
            ]
        )
        found = np.linalg.lstsq(system, seen[:, :2].T.ravel(), rcond=None)[0]
        depth = np.linalg.lstsq(ones, seen[:, 2], rcond=None)[0]
        return cls(np.stack([found[:4], found[4:8], depth]), float(found[8]))

    def moved(self, matrix: NDArray) -> CropProjection:
        """The same head in a crop of this crop: `matrix` (2, 3) or (3, 3) is a similarity of pixels."""
        scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
        whole = np.eye(4)
        whole[:2, :2], whole[2, 2] = matrix[:2, :2], scale
        # x' w = a x w + b w, w = 1 + slope d
        whole[:2, 2], whole[:2, 3] = matrix[:2, 2] * self.slope, matrix[:2, 2]
        return CropProjection((whole @ np.concatenate([self.matrix, [[0, 0, 0, 1.0]]]))[:3], self.slope / scale)

    def mirrored(self, side: float) -> CropProjection:
        """The mirrored head in the mirrored crop."""
        matrix = self.matrix.copy()
        matrix[0] = side * (np.array([0, 0, 0, 1]) + self.slope * self.matrix[2]) - self.matrix[0]
        matrix[:, 0] *= -1
        return CropProjection(matrix, self.slope)

    def project(self, points: NDArray) -> NDArray:
        """(N, 3) x, y, d of points (N, 3), metres."""
        placed = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return np.concatenate([placed[:, :2] / (1 + self.slope * placed[:, 2:]), placed[:, 2:]], axis=1)


@dataclass(frozen=True, eq=False)
class CropProjections:
    """`CropProjection`s of a batch.

    Attributes:
        matrix: (N, 3, 4) float32, slope: (N,) float32.
    """

    matrix: Tensor
    slope: Tensor

    @classmethod
    def of(cls, projections: Sequence[CropProjection]) -> CropProjections:
        """On the CPU."""
        matrix = np.stack([one.matrix for one in projections])
        return cls(torch.from_numpy(matrix).float(), torch.tensor([one.slope for one in projections]).float())


@dataclass(frozen=True, eq=False)
class CropGrid:
    """Where a solid is asked for: float32 crop pixels; a pixel's middle is at + 0.5.

    Attributes:
        rows: (H,), columns: (W,).
        depths: (D,) away from the camera, as from `slices`.
    """

    rows: Tensor
    columns: Tensor
    depths: Tensor


def slices(count: int) -> NDArray:
    """(D,) depth d of the slices' middles in pixels: slice 0 is the farthest, the landmarks' mean lies at 3 / 5."""
    return depth_of(np.arange(count), count)


def depth_of(index: NDArray, count: int) -> NDArray:
    """Depth d of the middle of a slice, or between them, of so many; NaN stays."""
    return DEPTH_STEP * (FAR_SHARE * count - index - 0.5)


def slice_at(d: NDArray, count: int) -> NDArray:
    """The inverse of `depth_of`."""
    return FAR_SHARE * count - 0.5 - d / DEPTH_STEP


def occupancy(depth: Tensor, heads: CropProjections, grid: CropGrid) -> Tensor:
    """(N, D, H, W) in 0-1 with the surface at 0.5: the solid on the grid, a ramp of one slice at its border.

    Args:
        depth: (N, 122, 88) from `depth_map`.
    """
    matrix, d = heads.matrix, grid.depths
    wide = 1 + heads.slope[:, None] * d  # (N, D)
    inverse = torch.linalg.inv(matrix[:, :, :3])
    shift = -(inverse @ matrix[:, :, 3:])[:, :, 0]
    # point = inverse @ (x w, y w, d) + shift, summed from its parts
    by_x = torch.einsum("nk,nd,w->ndkw", inverse[:, :, 0], wide, grid.columns)
    by_y = torch.einsum("nk,nd,h->ndkh", inverse[:, :, 1], wide, grid.rows)
    by_d = inverse[:, None, :, 2] * d[:, None] + shift[:, None]
    x, y, z = (by_x[:, :, k, None, :] + by_y[:, :, k, :, None] + by_d[:, :, k, None, None] for k in range(3))
    width, height = GRID
    u = (x - CORNER_M[0]) * (2 / (CELL_M * width)) - 1
    v = (CORNER_M[1] - y) * (2 / (CELL_M * height)) - 1
    known = torch.isfinite(depth)
    maps = torch.stack([torch.where(known, depth, BACK_M), known.to(depth)], dim=1)
    shape = u.shape
    places = torch.stack([u, v], dim=-1).reshape(len(depth), -1, shape[-1], 2)
    front, mask = functional.grid_sample(maps, places, align_corners=False).reshape(len(depth), 2, *shape[1:]).unbind(1)
    step = DEPTH_STEP / torch.linalg.norm(matrix[:, 2, :3], dim=1)[:, None, None, None]
    beside = (mask - 0.5) * (CELL_M + step)
    return torch.minimum(torch.minimum(front - z, z - BACK_M), beside).div(step).add(0.5).clamp(0, 1)


def head_points(model: MorphableModel, vertices: NDArray) -> NDArray:
    """(478, 3) metres: the landmarks of these vertices."""
    return model.embeddings["mediapipe478"].points(vertices, model.faces)
