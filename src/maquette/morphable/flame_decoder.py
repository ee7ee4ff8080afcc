"""FLAME's coefficients to vertices and landmarks, of N heads at once, differentiable.

Convention:
    Metres, y up, the unturned face looks along +z. Pose: axis-angle of the whole head (about the root) and of the jaw;
    neck and eyes rest unless they are given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from maquette.geometry.rendering.uv_table import weighted_sums
from maquette.morphable.flame import JAW, JOINTS, NECK, PARENTS, ROOT, FlameLandmarks, FlameModel

FURTHEST = 39  # degrees of yaw beyond which the jaw line stays
TINY = 1e-8  # radians, added to every number of a rotation before its length is taken, as published


@dataclass(frozen=True, eq=False)
class FlameDecoder:
    """The model on one device, V vertices.

    Attributes:
        template: (V, 3). shapes: (3 V, K) of the identity's and then the expression's coefficients in use.
        correctives: (36, 3 V). regressor: (5, V). weights: (V, 5). faces: (F, 3) int64.
        contour: (79, 17, 3) int64 vertices and weights, static: (51, 3), full: (68, 3), each with their weights.
    """

    template: Tensor
    shapes: Tensor
    correctives: Tensor
    regressor: Tensor
    weights: Tensor
    faces: Tensor
    contour: tuple[Tensor, Tensor]
    static: tuple[Tensor, Tensor]
    full: tuple[Tensor, Tensor]

    def __call__(self, coefficients: Tensor, rotations: Tensor) -> Tensor:
        """(N, V, 3) metres of (N, K) coefficients and (N, 5, 3, 3) rotations, see `rotations_of`."""
        shaped = self.shaped(coefficients)
        feature = (rotations[:, 1:] - torch.eye(3, dtype=rotations.dtype, device=rotations.device)).flatten(1)
        corrected = shaped + (feature @ self.correctives).view_as(shaped)
        turns, moves = self.rigid(shaped, rotations)
        mixed = torch.einsum("vj,njkl->nvkl", self.weights, torch.cat((turns, moves[..., None]), -1))
        return (mixed[..., :3] @ corrected[..., None])[..., 0] + mixed[..., 3]

    def shaped(self, coefficients: Tensor) -> Tensor:
        """(N, V, 3) metres of (N, K) coefficients, at rest."""
        return self.template + (coefficients @ self.shapes.T).view(len(coefficients), -1, 3)

    def joints(self, shaped: Tensor) -> Tensor:
        """(N, 5, 3) metres of shapes at rest (N, V, 3)."""
        return torch.einsum("jv,nvk->njk", self.regressor, shaped)

    def rigid(self, shaped: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """Turns (N, 5, 3, 3) and moves (N, 5, 3) by which the joints take vertices at rest with them."""
        rest = self.joints(shaped)
        turns, places = [rotations[:, ROOT]], [rest[:, ROOT]]
        for joint in range(1, JOINTS):
            parent = PARENTS[joint]
            turns.append(turns[parent] @ rotations[:, joint])
            arm = rest[:, joint] - rest[:, parent]
            places.append((turns[parent] @ arm[..., None])[..., 0] + places[parent])
        turned = torch.stack(turns, 1)
        return turned, torch.stack(places, 1) - (turned @ rest[..., None])[..., 0]

    def landmarks2d(self, vertices: Tensor, rotations: Tensor) -> Tensor:
        """(N, 68, 3) metres: the jaw line as it is seen from the front, then the other 51."""
        rows = contour_rows(rotations[:, ROOT] @ rotations[:, NECK])
        corners, weights = (part[rows] for part in self.contour)
        moving = torch.stack([weighted_sums(*one) for one in zip(vertices, corners, weights.to(vertices.dtype))])
        return torch.cat((moving, _at(vertices, self.static)), 1)

    def landmarks3d(self, vertices: Tensor) -> Tensor:
        """(N, 68, C): values (N, V, C) at the 68 landmarks where they are on the head."""
        return _at(vertices, self.full)


def flame_decoder(
    model: FlameModel,
    landmarks: FlameLandmarks,
    used: tuple[int, int],
    device: str = "cpu",
    kind: torch.dtype = torch.float32,
) -> FlameDecoder:
    """The model on a device.

    Args:
        used: how many coefficients of identity and expression.
        kind: float32 or float64.
    """

    def tensor(values: object) -> Tensor:
        return torch.as_tensor(values).to(device, kind)

    shapes = torch.cat([torch.as_tensor(part)[..., :count] for part, count in zip(_bases(model), used)], -1)
    faces = torch.as_tensor(model.faces)

    def points(triangles: object, weights: object) -> tuple[Tensor, Tensor]:
        return faces[torch.as_tensor(triangles)].to(device), tensor(weights)

    return FlameDecoder(
        template=tensor(model.template),
        shapes=tensor(shapes.flatten(0, 1)),
        correctives=tensor(torch.as_tensor(model.correctives).flatten(0, 1).T.contiguous()),
        regressor=tensor(model.regressor),
        weights=tensor(model.weights),
        faces=faces.to(device),
        contour=points(landmarks.contour_faces, landmarks.contour_weights),
        static=points(landmarks.static_faces, landmarks.static_weights),
        full=points(landmarks.full_faces, landmarks.full_weights),
    )


def _bases(model: FlameModel) -> tuple[object, object]:
    return model.identity, model.expression


def _at(values: Tensor, points: tuple[Tensor, Tensor]) -> Tensor:
    corners, weights = points
    return torch.stack([weighted_sums(one, corners, weights.to(one.dtype)) for one in values])


def rodrigues(turns: Tensor) -> Tensor:
    """(..., 3, 3) rotations of axis-angles (..., 3), radians; differentiable at zero.

    Example:
        >>> rodrigues(torch.tensor([0.0, torch.pi / 2, 0])).round(decimals=3).abs().tolist()
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    angle = (turns + TINY).norm(dim=-1, keepdim=True)
    x, y, z = (turns / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).unflatten(-1, (3, 3))
    sin, cos = angle[..., None].sin(), angle[..., None].cos()
    return torch.eye(3, dtype=turns.dtype, device=turns.device) + sin * cross + (1 - cos) * (cross @ cross)


def rotations_of(pose: Tensor, neck: Tensor | None = None, eyes: Tensor | None = None) -> Tensor:
    """(N, 5, 3, 3) rotations of the joints.

    Args:
        pose: (N, 6) axis-angle of head and jaw. neck: (N, 3), eyes: (N, 6), or None at rest.
    """
    full = pose.new_zeros(len(pose), JOINTS, 3)
    full[:, ROOT], full[:, JAW] = pose[:, :3], pose[:, 3:]
    if neck is not None:
        full[:, NECK] = neck
    if eyes is not None:
        full[:, JAW + 1 :] = eyes.view(-1, 2, 3)
    return rodrigues(full)


def contour_rows(turned: Tensor) -> Tensor:
    """(N,) int64 rows of the table of the jaw line for rotations (N, 3, 3) of the head; yaw counts towards its left.

    Example:
        >>> turn = rodrigues(torch.tensor([[0.0, a, 0] for a in (0.5, -0.5, 1.0, -1.0)]))
        >>> contour_rows(turn).tolist()
        [29, 68, 39, 78]
    """
    yaw = torch.atan2(-turned[:, 2, 0], torch.hypot(turned[:, 0, 0], turned[:, 1, 0]))
    degrees = (yaw * (180 / math.pi)).clamp(max=FURTHEST).round().long()
    backwards = torch.where(degrees < -FURTHEST, 2 * FURTHEST, FURTHEST - degrees)
    return torch.where(degrees < 0, backwards, degrees)
