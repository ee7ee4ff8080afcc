"""The published way from a square crop of a photo to a surface: two pictures, features, a grid, marching cubes.

Convention:
    Rect: x, y, width, height in whole pixels of the photo, square; it may reach beyond the photo (black there).
    Model space: the crop spans -1 to 1, x right, y up, z towards the viewer. At a crop of side S a point is seen at
    u = (x + 1) S / 2, v = (1 - y) S / 2; depth has the same unit, half the crop's side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.check import expect
from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import GRIDS
from maquette.geometry.surfaces.lattice import columns_of
from maquette.geometry.surfaces.octree import FastGrid, exact_grid, fast_grid
from maquette.reconstruction.pifuhd.field import Field
from maquette.reconstruction.pifuhd.network import PIFuHD

LEVEL = 0.5  # occupancy at the surface
MARGIN = 0.1  # half sides by which a mask is widened before pixel columns beside it are left out


@dataclass(frozen=True, eq=False)
class FieldSurface:
    """Where occupancy is a half.

    Attributes:
        vertices: (V, 3) float64 model space.
        faces: (F, 3) int64, anticlockwise seen from outside.
        evaluations: for how many points the network was asked.
    """

    vertices: NDArray
    faces: NDArray
    evaluations: int


def cut(pixels: NDArray, rect: NDArray) -> NDArray:
    """(S, S, 3) uint8: the square of a photo, black beyond it.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        rect: (4,) x, y, width, height, whole pixels.

    Raises:
        BadInput: the rect is no square of at least 2 pixels, or does not touch the photo.
    """
    x, y, width, height = (int(value) for value in rect)
    H, W = pixels.shape[:2]
    if width != height or width < 2 or x >= W or y >= H or x + width <= 0 or y + height <= 0:
        raise BadInput(f"rect {x} {y} {width} {height}: wanted a square that touches the photo of {W} x {H} pixels")
    crop = np.zeros((height, width, 3), np.uint8)
    top, left = max(y, 0), max(x, 0)
    part = pixels[top : y + height, left : x + width]
    crop[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]] = part
    return crop


def inputs(crop: NDArray, side: int = 512) -> tuple[Tensor, Tensor]:
    """(1, 3, side, side) and (1, 3, 2 side, 2 side) RGB in -1 to 1: both resized from the same crop.

    Args:
        crop: (S, S, 3) uint8 sRGB.
    """
    expect("crop", crop, (len(crop), len(crop), 3), np.uint8)
    found = []
    for length in (side, 2 * side):
        resized = cv2.resize(crop, (length, length), interpolation=cv2.INTER_LINEAR)
        found.append(torch.from_numpy(resized).permute(2, 0, 1)[None].float() / 255 * 2 - 1)
    return found[0], found[1]


@torch.no_grad()
def read(network: PIFuHD, crop: NDArray) -> Field:
    """The field of the person in a crop.

    Args:
        network: in evaluation mode, on the device that computes.
        crop: (S, S, 3) uint8 sRGB.
    """
    weight = next(network.parameters())
    small, large = (picture.to(weight) for picture in inputs(crop, network.size.side))
    return Field(network, network.prepare(small, large))


def surface(
    field: Callable[[NDArray], NDArray],
    resolution: int = 256,
    grid: str = "fast",
    mask: NDArray | None = None,
    level: float = LEVEL,
) -> FieldSurface:
    """The surface of a field.

    Args:
        field: occupancy of points (P, 3) in model space, see `Field`.
        resolution: nodes along each side of the box from -1 to 1.
        grid: "exact" (as published: same nodes, same values) or "fast" (only where the surface passes).
        mask: (H, W) of the crop, above a half on the person: columns farther from it than `MARGIN` are left out;
            with "fast" alone.

    Raises:
        NothingFound: occupancy is nowhere above the level.
        BadInput: another grid, or a resolution that it does not take.
    """
    if grid not in GRIDS:
        raise BadInput(f"grid {grid!r}: wanted {' or '.join(GRIDS)}")
    # The published lattice has y as pictures have it: node 0 is at the top, and the lowest row is never asked for.
    turn = np.array([1, -1, 1], np.float32)

    def downwards(points: NDArray) -> NDArray:
        return field(points * turn)

    if grid == "exact":
        found = exact_grid(downwards, resolution, level)
    else:
        columns = None if mask is None else columns_of(mask[::-1], resolution, MARGIN)
        found = fast_grid(downwards, resolution, FastGrid(level=level, columns=columns))
    vertices, faces = found.surface()
    if not len(faces):
        raise NothingFound(f"the network sees no surface in the crop at {resolution} voxels: is a person there?")
    return FieldSurface(vertices * turn, np.ascontiguousarray(faces[:, ::-1]), found.evaluations)


def normal_colors(normals: NDArray) -> NDArray:
    """(V, 3) uint8 sRGB: 0.5 n + 0.5, as the published meshes are coloured: x red, y green, z blue, 0 is grey.

    Args:
        normals: (V, 3) unit length, model space, see `Field.normals`.
    """
    return np.clip(np.round((0.5 * normals + 0.5) * 255), 0, 255).astype(np.uint8)
