"""What MVF-Net's 249 numbers mean: a face of the Basel model, and where each photo shows it."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from maquette.reconstruction.mvfnet.network import EXPRESSION, POSE, SHAPE, VIEWS

SIDE = 224  # pixels of a crop
MEAN = (0.0, 0.0, 0.0, SIDE / 2, SIDE / 2, 0.0, 0.0)  # of a pose: angles, shift, unused, scale
SPREAD = (pi / 2, pi / 2, pi / 2, SIDE / 4, SIDE / 4, 1.0, SIDE / 360_000)
EXPRESSION_UNIT = 1000.0  # published files have the inverse deviations of expressions in other units


@dataclass(frozen=True, eq=False)
class MVFPose:
    """Where the views show the face.

    Attributes:
        rotation: (N, 3, 3, 3), by view. shift: (N, 3, 2) pixels, y up. scale: (N, 3) pixels per unit of the model.
    """

    rotation: Tensor
    shift: Tensor
    scale: Tensor

    def project(self, points: Tensor) -> Tensor:
        """(N, 3, V, 2) pixels of the crops, y down, of points (N, V, 3) in the model's units."""
        seen = torch.einsum("nkij,nvj->nkvi", self.rotation[:, :, :2], points)
        placed = seen * self.scale[..., None, None] + self.shift[:, :, None]
        return torch.stack([placed[..., 0], SIDE - placed[..., 1]], -1)


def coefficients(answer: Tensor, shape_spread: Tensor, expression_spread: Tensor) -> tuple[Tensor, Tensor]:
    """Shape (N, 199) and expression (N, 29) as the model's bases take them.

    Args:
        answer: (N, 249). shape_spread: (199,) standard deviations, of the model's file.
        expression_spread: (29,) of the published `sigma_exp`.
    """
    expression = answer[:, SHAPE : SHAPE + EXPRESSION]
    return answer[:, :SHAPE] * shape_spread, expression / (EXPRESSION_UNIT * expression_spread)


def pose(answer: Tensor) -> MVFPose:
    """The poses of all views, front, left, right, of (N, 249)."""
    rows = answer[:, -VIEWS * POSE :].reshape(-1, VIEWS, POSE)
    rows = rows * rows.new_tensor(SPREAD) + rows.new_tensor(MEAN)
    return MVFPose(rotation(rows[..., :3]), rows[..., 3:5], rows[..., 6])


def rotation(angles: Tensor) -> Tensor:
    """(..., 3, 3) of (..., 3) radians about x, y and z: the product of three turns, each the transpose of the usual.

    Example:
        >>> rotation(torch.zeros(3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    turns = []
    for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        cos, sin = angles[..., axis].cos(), angles[..., axis].sin()
        turn = torch.zeros(*angles.shape, 3, dtype=angles.dtype, device=angles.device)
        turn[..., axis, axis] = 1
        turn[..., first, first] = turn[..., second, second] = cos
        turn[..., first, second], turn[..., second, first] = sin, -sin
        turns.append(turn)
    return turns[0] @ turns[1] @ turns[2]
