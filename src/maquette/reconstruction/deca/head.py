"""DECA's head around FLAME: camera, normals, light, albedo and displacement, of N heads at once.

Convention:
    Vertices: FLAME's frame, metres, y up, turned by the pose. Projected: -1 to 1 over the crop, x right, y down, and
    depth, smaller is nearer, in the same unit. Maps: (N, C, 256, 256), row 0 is v = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from maquette.geometry.rendering.uv_table import UVTable, table_of
from maquette.geometry.surfaces.texel_grid import cross, grid_normals
from maquette.morphable.flame_decoder import FlameDecoder, flame_decoder, rotations_of
from maquette.reconstruction.deca.codes import WIDTHS, HeadCodes
from maquette.reconstruction.deca.files import SIDE, HeadFiles

CROP = 224  # pixels
AWAY = 0.1  # of the normal's depth, from which a landmark counts as hidden
# Harmonics with those of a cosine lobe (Ramamoorthi and Hanrahan, 2001).
CONSTANT, LINEAR = 1 / math.sqrt(4 * math.pi), 2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi))
QUADRATIC = math.pi / 4 * 3 * math.sqrt(5 / (12 * math.pi))
SQUARES, DEPTH = QUADRATIC / 2, math.pi / 8 * math.sqrt(5 / (4 * math.pi))


@dataclass(frozen=True)
class DecaCompat:
    """Which quirks of the published code are kept.

    Attributes:
        unlit_coarse: the coarse picture is albedo without light, so that training never learns light.
        unmasked_displacement: displacement counts outside the face too, where it was not learned, in what is exported;
            in the normals it never does.
    """

    unlit_coarse: bool = False
    unmasked_displacement: bool = False


MENDED = DecaCompat()
OFFICIAL = DecaCompat(unlit_coarse=True, unmasked_displacement=True)


@dataclass(frozen=True, eq=False)
class HeadShape:
    """N heads of their codes.

    Attributes:
        vertices: (N, V, 3) metres. normals: (N, V, 3) unit, of vertices.
        landmarks2d: (N, 68, 3) metres, the jaw line as it is seen. landmarks3d: (N, 68, 3) metres.
    """

    vertices: Tensor
    normals: Tensor
    landmarks2d: Tensor
    landmarks3d: Tensor


@dataclass(frozen=True, eq=False)
class DecaHead:
    """The model and its maps on one device.

    Attributes:
        files: as they were read. decoder: FLAME. table: from vertices to texels.
        uvs: (T, 2), uv_triangles: (F, 3). mask, fixed: (1, 1, S, S).
        albedo_mean: (3 S S,), albedo_basis: (3 S S, 50) rows of texels, RGB each, or None.
    """

    files: HeadFiles
    decoder: FlameDecoder
    table: UVTable
    uvs: Tensor
    uv_triangles: Tensor
    mask: Tensor
    fixed: Tensor
    albedo_mean: Tensor | None = None
    albedo_basis: Tensor | None = None

    def shape(self, codes: HeadCodes) -> HeadShape:
        """The heads that the codes describe."""
        rotations = rotations_of(codes.pose)
        vertices = self.decoder(codes.coefficients, rotations)
        marks = self.decoder.landmarks2d(vertices, rotations), self.decoder.landmarks3d(vertices)
        return HeadShape(vertices, self.normals(vertices), *marks)

    def normals(self, vertices: Tensor) -> Tensor:
        """(N, V, 3) unit normals of (N, V, 3): the sum of those of the triangles around, by area."""
        faces = self.decoder.faces
        a, b, c = (vertices.index_select(1, faces[:, k]) for k in range(3))
        each = cross(b - a, c - a, dim=-1)
        total = torch.zeros_like(vertices)
        for corner in range(3):
            total = total.index_add(1, faces[:, corner], each)
        return functional.normalize(total, eps=1e-6, dim=-1)

    def albedo(self, codes: HeadCodes) -> Tensor | None:
        """(N, 3, S, S) RGB, 0-1 as a rule; None without the albedo's file."""
        if self.albedo_mean is None or self.albedo_basis is None:
            return None
        flat = self.albedo_mean + codes.tex @ self.albedo_basis.T
        return flat.view(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2)

    def visible(self, shape: HeadShape) -> Tensor:
        """(N, 68, 1): 1 where the 3D landmarks face the camera."""
        return (-self.decoder.landmarks3d(shape.normals)[..., 2:] < AWAY).to(shape.normals.dtype)

    def displaced(self, displacement: Tensor, masked: bool = True) -> Tensor:
        """(N, 1, S, S) metres: what the network drew, within the mask or everywhere, and the fixed part."""
        return displacement * (self.mask if masked else 1) + self.fixed

    def detail_normals(self, shape: HeadShape, displacement: Tensor) -> Tensor:
        """(N, 3, S, S) normals of the displaced surface within the mask, of the plain one outside it.

        Args:
            displacement: (N, 1, S, S) metres, as the network draws it; only it gets gradients.
        """
        position, normals = (self.table.draw(part.detach()) for part in (shape.vertices, shape.normals))
        fine = grid_normals(position + self.displaced(displacement) * normals)
        return fine * self.mask + normals * (1 - self.mask)


def deca_head(files: HeadFiles, device: str = "cpu", kind: torch.dtype = torch.float32) -> DecaHead:
    """The model on a device, with its table of texels."""

    def tensor(values: object) -> Tensor:
        return torch.as_tensor(values).to(device, kind)

    used = WIDTHS["shape"], WIDTHS["exp"]
    albedo = (None, None)
    if files.albedo is not None:
        mean, basis = files.albedo.mean.reshape(-1), files.albedo.basis.reshape(-1, WIDTHS["tex"])
        albedo = tensor(mean), tensor(basis)  # type: ignore[assignment]
    return DecaHead(
        files,
        flame_decoder(files.model, files.landmarks, used, device, kind),
        table_of(files.uvs, files.uv_triangles, SIDE, device, files.model.faces),
        tensor(files.uvs),
        torch.as_tensor(files.uv_triangles).to(device),
        tensor(files.mask)[None, None],
        tensor(files.fixed)[None, None],
        *albedo,
    )


def project(points: Tensor, cam: Tensor) -> Tensor:
    """(N, P, 3) places over the crop and depth of points (N, P, 3), by cam (N, 3).

    Example:
        >>> project(torch.tensor([[[0.05, 0.02, 0.03]]]), torch.tensor([[8.0, 0.01, 0]]))
        tensor([[[ 0.4800, -0.1600, -0.2400]]])
    """
    moved = torch.stack((points[..., 0] + cam[:, 1:2], points[..., 1] + cam[:, 2:], points[..., 2]), -1)
    return cam[:, :1, None] * moved * points.new_tensor([1, -1, -1])


def shading(normals: Tensor, light: Tensor) -> Tensor:
    """(N, 3, ...) by which albedo is multiplied.

    Args:
        normals: (N, 3, ...) in the world. light: (N, 9, 3).

    Example:
        >>> constant = torch.zeros(1, 9, 3)
        >>> constant[:, 0] = math.sqrt(4 * math.pi)
        >>> shading(torch.rand(1, 3, 2), constant).round(decimals=5).unique()
        tensor([1.])
    """
    x, y, z = normals.unbind(1)
    bands = (
        torch.full_like(x, CONSTANT),
        LINEAR * x,
        LINEAR * y,
        LINEAR * z,
        QUADRATIC * x * y,
        QUADRATIC * x * z,
        QUADRATIC * y * z,
        SQUARES * (x * x - y * y),
        DEPTH * (3 * z * z - 1),
    )
    return torch.einsum("nkc,nk...->nc...", light, torch.stack(bands, 1))
