"""The morphable face of HRN's first level: shape, normals, albedo, light and camera, of N faces at once.

Convention:
    Shapes: decimetres, y up, the face looks along +z. Posed: turned and moved in front of the camera, which stands at
    z = 10 and looks along -z. Projected: pixels of the 224 x 224 crop, x right and y UP from its lower edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from maquette.geometry.rendering.uv_table import UVTable, table_of, weighted_sums
from maquette.geometry.surfaces.texel_grid import cross
from maquette.morphable.bfm import UV_SIDE, BaselModel
from maquette.reconstruction.hrn.coefficients import Coefficients

FOCAL, CENTRE, SIDE = 1015.0, 112.0, 224  # pixels of the crop
DISTANCE = 10.0  # decimetres from the camera to the origin
AMBIENT = 0.8  # of the first harmonic, added to what the network reads
# Factors of the nine harmonics: each its own times that of a cosine lobe (Ramamoorthi and Hanrahan, 2001).
FIRST, LINEAR, QUADRATIC = math.sqrt(math.pi) / 2, math.sqrt(math.pi), 3 * math.sqrt(5 / 24) * math.sqrt(math.pi)


@dataclass(frozen=True, eq=False)
class FaceModel:
    """The model on one device.

    Attributes:
        basel: as it was read.
        mean: (3 V,), identity: (3 V, 80), expression: (3 V, 64) decimetres. albedo_mean, albedo_basis: 0-255.
        triangles: (F, 3), rings: (V, 8), landmarks: (68,) int64. uvs: (V, 2).
        table: from vertices to texels.
    """

    basel: BaselModel
    mean: Tensor
    identity: Tensor
    expression: Tensor
    albedo_mean: Tensor
    albedo_basis: Tensor
    triangles: Tensor
    rings: Tensor
    landmarks: Tensor
    uvs: Tensor
    table: UVTable

    def shape(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(N, V, 3) decimetres of coefficients (N, 80) and (N, 64)."""
        flat = self.mean + identity @ self.identity.T + expression @ self.expression.T
        return flat.view(len(flat), -1, 3)

    def albedo(self, coefficients: Tensor) -> Tensor:
        """(N, 3, S, S) RGB, 0-1 as a rule, of (N, 80) coefficients."""
        flat = (self.albedo_mean + coefficients @ self.albedo_basis.T) / 255
        return flat.view(len(flat), UV_SIDE, UV_SIDE, 3).permute(0, 3, 1, 2)

    def normals(self, shape: Tensor) -> Tensor:
        """(N, V, 3) unit normals of (N, V, 3): the sum of those of the triangles around."""
        return ring_normals(shape, self.triangles, self.rings)


def ring_normals(shape: Tensor, triangles: Tensor, rings: Tensor) -> Tensor:
    """(N, V, 3) unit normals of (N, V, 3), by triangles (F, 3) and those at each vertex (V, K), F: none."""
    a, b, c = (shape.index_select(1, triangles[:, k]) for k in range(3))
    faces = functional.normalize(cross(a - b, b - c, dim=-1), dim=-1)
    faces = torch.cat((faces, faces.new_zeros(len(faces), 1, 3)), 1)
    each = torch.ones_like(rings, dtype=faces.dtype)
    sums = [weighted_sums(one, rings, each) for one in faces]
    return functional.normalize(torch.stack(sums), dim=-1)


def face_model(basel: BaselModel, device: str = "cpu") -> FaceModel:
    """The model on a device, with its table of texels."""
    names = ("mean", "identity", "expression", "albedo_mean", "albedo_basis", "triangles", "rings", "landmarks", "uvs")
    tensors = {name: torch.from_numpy(getattr(basel, name)).to(device) for name in names}
    return FaceModel(basel, **tensors, table=table_of(basel.uvs, basel.uv_triangles, UV_SIDE, device))


def rotation(angles: Tensor) -> Tensor:
    """(N, 3, 3): rows of points times it are turned about x, then y, then z by (N, 3) radians.

    Example:
        >>> turned = torch.tensor([[0.0, 1, 0]]) @ rotation(torch.tensor([[0.5, 0, 0]]))
        >>> bool(turned[0, 0, 2] > 0)
        True
    """
    zero, one = torch.zeros_like(angles[:, 0]), torch.ones_like(angles[:, 0])
    (sx, sy, sz), (cx, cy, cz) = angles.sin().T, angles.cos().T
    about_x = torch.stack((one, zero, zero, zero, cx, -sx, zero, sx, cx), 1).view(-1, 3, 3)
    about_y = torch.stack((cy, zero, sy, zero, one, zero, -sy, zero, cy), 1).view(-1, 3, 3)
    about_z = torch.stack((cz, -sz, zero, sz, cz, zero, zero, zero, one), 1).view(-1, 3, 3)
    return (about_z @ about_y @ about_x).transpose(1, 2)


def posed(shape: Tensor, coefficients: Coefficients) -> Tensor:
    """(N, V, 3) decimetres: shapes turned and moved."""
    return shape @ rotation(coefficients.angles) + coefficients.translation[:, None]


def project(points: Tensor) -> Tensor:
    """(N, V, 2) pixels of the crop, y up, of posed points (N, V, 3).

    Example:
        >>> project(torch.tensor([[[0.0, 0, 0], [1, 0, 0]]]))
        tensor([[[112.0000, 112.0000],
                 [213.5000, 112.0000]]])
    """
    return FOCAL * points[..., :2] / (DISTANCE - points[..., 2:]) + CENTRE


def shading(normals: Tensor, light: Tensor) -> Tensor:
    """(N, 3, ...) by which albedo is multiplied.

    Args:
        normals: (N, 3, ...) of the posed face.
        light: (N, 27), see `Coefficients.light`.

    Example:
        >>> bool(torch.isclose(shading(torch.ones(1, 3, 1), torch.zeros(1, 27)), torch.tensor(0.7089815)).all())
        True
    """
    x, y, z = normals.unbind(1)
    bands = (
        torch.full_like(x, FIRST),
        -LINEAR * y,
        LINEAR * z,
        -LINEAR * x,
        QUADRATIC * x * y,
        -QUADRATIC * y * z,
        QUADRATIC / (2 * math.sqrt(3)) * (3 * z * z - 1),
        -QUADRATIC * x * z,
        QUADRATIC / 2 * (x * x - y * y),
    )
    gains = light.view(-1, 3, 9) + light.new_tensor([AMBIENT, *[0.0] * 8])
    return torch.einsum("nck,nk...->nc...", gains, torch.stack(bands, 1))
