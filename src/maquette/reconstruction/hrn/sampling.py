"""Pictures and maps looked up between their pixels, as HRN does and as is right; the switches that choose.

Convention:
    Published: pixel (row, column) lies at the whole numbers (row, column). Right: its centre lies at half numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Compat:
    """Which quirks of the published code are kept.

    Attributes:
        swap_bilinear_rows: the rows above and below a sample have each other's weights.
        half_pixel: photos are sampled half a pixel off what the renderer draws.
        background_corner_texel: texels outside the face hold the photo's lower left pixel, not black.
        no_visibility: texels that the photo does not show count as valid too.
        grid_normal_xy_flip: x and y of the normals of a displaced grid have the other sign; the published weights
            learned with it.
        dense_face_shift: triangles of the dense mesh file lie a texel to the left.
        lit_texture_256: the texture holds the light, at 256 texels.
        bgr_mean_on_rgb: means of blue, green, red are subtracted from red, green, blue before 106 landmarks are read.
    """

    swap_bilinear_rows: bool = False
    half_pixel: bool = False
    background_corner_texel: bool = False
    no_visibility: bool = False
    grid_normal_xy_flip: bool = True
    dense_face_shift: bool = False
    lit_texture_256: bool = False
    bgr_mean_on_rgb: bool = True


MENDED = Compat()
OFFICIAL = Compat(*[True] * 8)


def sample(picture: Tensor, points: Tensor, swap_rows: bool = False) -> Tensor:
    """Bilinear samples; beyond the edge its nearest pixel goes on.

    Args:
        picture: (N, C, H, W).
        points: (N, P, 2) column and row, whole numbers at pixels.
        swap_rows: as the published code has it, a sample at row 2.25 is taken at 2.75.

    Returns:
        (N, C, P).

    Example:
        >>> ramp = torch.arange(5.0)[None, None, :, None].expand(1, 1, 5, 5)
        >>> at = torch.tensor([[[1.0, 2.25]]])
        >>> sample(ramp, at).item(), sample(ramp, at, swap_rows=True).item()
        (2.25, 2.75)
    """
    if swap_rows:
        row = points[..., 1]
        # Past the edge both rows are the same pixel, and nothing changes.
        points = torch.stack((points[..., 0], 2 * row.floor() + 1 - row), -1)
    size = points.new_tensor([picture.shape[3] - 1, picture.shape[2] - 1])
    grid = 2 * points / size - 1
    return functional.grid_sample(picture, grid[:, :, None], padding_mode="border", align_corners=True)[..., 0]


def uv_points(uvs: Tensor, side: int) -> Tensor:
    """(V, 2) column and row of texture coordinates (V, 2), v up, in a map of that side, as the offsets are read.

    Example:
        >>> uv_points(torch.tensor([[0.5, 0.3]]), 10)
        tensor([[5., 7.]])
    """
    return torch.stack((uvs[:, 0] * side, (1 - uvs[:, 1]) * side), 1)


def at_uvs(maps: Tensor, uvs: Tensor) -> Tensor:
    """(N, V, C) values of maps (N, C, S, S) at texture coordinates (V, 2), see `uv_points`."""
    points = uv_points(uvs, maps.shape[-1])
    return sample(maps, points[None].expand(len(maps), -1, -1)).transpose(1, 2)
