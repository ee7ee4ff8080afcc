"""Which turns the fit may choose, how far joints go, and the body they move, in torch for many frames at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette import morphable
from maquette.morphable import MorphableModel, Rig
from maquette.morphable.posing import rig_of
from maquette.weights import store

BODY = "maquette-body"  # entry of the zoo
SIDES = ("L", "R")
# One turn of the fit -> the bones that share it evenly.
CHAINS: dict[str, tuple[str, ...]] = {
    "root": ("root",),
    "waist": ("spine05", "spine04"),
    "chest": ("spine03", "spine02", "spine01"),
    "neck": ("neck01", "neck02", "neck03", "head"),
}
for _side in SIDES:
    for _turn, _bone in (
        ("clavicle", "clavicle"),
        ("shoulder", "upperarm01"),
        ("elbow", "lowerarm01"),
        ("wrist", "wrist"),
        ("hip", "upperleg01"),
        ("knee", "lowerleg01"),
        ("ankle", "foot"),
    ):
        CHAINS[f"{_turn}.{_side}"] = (f"{_bone}.{_side}",)
TURNS = tuple(CHAINS)

# Middle and spread of each turn, radians, about x (bending), y (twist), z (to the side) of the rest pose's world axes;
# chosen by hand after the ranges of joints in Kapandji, The Physiology of the Joints: about two thirds of daily motion.
SPREAD: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "root": ((0, 0, 0), (50, 50, 50)),
    "waist": ((0.02, 0, 0), (0.18, 0.14, 0.10)),
    "chest": ((0.02, 0, 0), (0.20, 0.20, 0.12)),
    "neck": ((0.0, 0, 0), (0.30, 0.50, 0.20)),
    "clavicle": ((0, 0, 0), (0.10, 0.12, 0.15)),
    "shoulder": ((0, 0, 0), (0.9, 0.7, 0.9)),
    "wrist": ((0, 0, 0), (0.30, 0.30, 0.30)),
    "hip": ((-0.1, 0, 0), (0.70, 0.30, 0.35)),
    "ankle": ((0, 0, 0), (0.30, 0.15, 0.15)),
}
ELBOW = ((0.0, 0.0, 0.0), (0.8, 0.5, 0.10), (-0.75, 1.9))  # about its hinge, the forearm, across; range of the hinge
KNEE = ((0.15, 0.0, 0.0), (0.7, 0.10, 0.08), (-0.05, 2.4))
BEYOND = 0.05  # radians by which a hinge may leave its range per unit of energy


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Constants of the fit.

    Attributes:
        model: the rigged body.
        bones: A names of the bones that turn, parents first; parents (A,) index among them, -1 for the root.
        turn: (A,) which of TURNS moves each, and share (A,) of it.
        follows: (B,) which of the A bones each bone of the rig goes with.
        axes: (T, 3, 3) rows: the axes in which the prior of each turn is given.
        middle, spread: (T, 3) radians in those axes.
        low, high: (T,) radians, range about the first axis.
    """

    model: MorphableModel
    bones: tuple[str, ...]
    parents: NDArray
    turn: NDArray
    share: NDArray
    follows: NDArray
    axes: Tensor
    middle: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor

    @property
    def rig(self) -> Rig:
        """The rig of the body."""
        return rig_of(self.model)

    def unlikely(self, turns: Tensor) -> Tensor:
        """(N,) energy of the pose prior of rotation vectors (N, T, 3)."""
        told = torch.einsum("tij,ntj->nti", self.axes, turns)
        gauss = (((told - self.middle) / self.spread) ** 2).sum(dim=(1, 2))
        hinge = told[..., 0]
        over = torch.relu(hinge - self.high) + torch.relu(self.low - hinge)
        return gauss + ((over / BEYOND) ** 2).sum(dim=1)

    def rotations(self, turns: Tensor) -> Tensor:
        """(N, A, 3, 3) of rotation vectors (N, T, 3)."""
        share = torch.as_tensor(self.share, dtype=turns.dtype)
        return rotation_matrices(turns[:, self.turn] * share[:, None])

    def full_rotations(self, turns: Tensor) -> NDArray:
        """(N, B, 3, 3) for `Rig.transforms`; bones that do not turn keep the identity."""
        rig = self.rig
        out = np.tile(np.eye(3), (len(turns), len(rig.bones), 1, 1))
        own = self.rotations(turns).detach().numpy()
        for k, name in enumerate(self.bones):
            out[:, rig.bones.index(name)] = own[:, k]
        return out

    def transforms(self, turns: Tensor, joints: Tensor) -> Tensor:
        """(N, A, 3, 4) from rest to posed coordinates, joints (A, 3) or (N, A, 3) of the bones that turn."""
        own = self.rotations(turns)
        joints = joints.expand(len(turns), -1, -1)
        rotation: list[Tensor] = []
        shift: list[Tensor] = []
        for k, parent in enumerate(self.parents):
            turn, at = own[:, k], joints[:, k, :, None]
            local = at - turn @ at
            if parent < 0:
                rotation.append(turn)
                shift.append(local)
            else:
                rotation.append(rotation[parent] @ turn)
                shift.append(rotation[parent] @ local + shift[parent])
        return torch.cat([torch.stack(rotation, 1), torch.stack(shift, 1)], dim=-1)


@lru_cache(maxsize=2)
def skeleton(fetch: Callable[[str], Path] = store.fetch) -> Skeleton:
    """The skeleton of the rigged body, made once.

    Raises:
        WeightsMissing: the body is not there.
    """
    model = morphable.load(BODY, fetch)
    rig = rig_of(model)
    owner = {bone: (number, 1 / len(bones)) for number, bones in enumerate(CHAINS.values()) for bone in bones}
    moving = [k for k, name in enumerate(rig.bones) if name in owner]
    follows = np.zeros(len(rig.bones), int)
    for k, parent in enumerate(rig.parents):
        follows[k] = moving.index(k) if k in moving else follows[parent]
    parents = np.array([-1 if rig.parents[k] < 0 else follows[rig.parents[k]] for k in moving])
    names = tuple(rig.bones[k] for k in moving)
    axes, middle, spread, low, high = _prior(dict(zip(rig.bones, rig.heads.astype(float))))
    return Skeleton(
        model,
        names,
        parents,
        np.array([owner[n][0] for n in names]),
        np.array([owner[n][1] for n in names]),
        follows,
        *(torch.as_tensor(np.array(x), dtype=torch.float32) for x in (axes, middle, spread, low, high)),
    )


def _prior(heads: dict[str, NDArray]) -> tuple[list, list, list, list, list]:
    axes, middle, spread, low, high = [], [], [], [], []
    for name in TURNS:
        turn, _, side = name.partition(".")
        basis, limits = np.eye(3), (-50.0, 50.0)
        if turn == "elbow":
            upper = heads[f"lowerarm01.{side}"] - heads[f"upperarm01.{side}"]
            fore = heads[f"wrist.{side}"] - heads[f"lowerarm01.{side}"]
            hinge, along = np.cross(upper, fore), fore / np.linalg.norm(fore)
            hinge /= np.linalg.norm(hinge)
            basis, (centre, width, limits) = np.stack([hinge, along, np.cross(hinge, along)]), ELBOW
        elif turn == "knee":
            centre, width, limits = KNEE
        else:
            centre, width = SPREAD[turn]
        axes.append(basis)
        middle.append(centre)
        spread.append(width)
        low.append(limits[0])
        high.append(limits[1])
    return axes, middle, spread, low, high


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(..., 3, 3) of rotation vectors (..., 3), radians (Rodrigues), smooth at zero."""
    square = (vectors * vectors).sum(dim=-1, keepdim=True)
    angle = torch.sqrt(square + 1e-12)
    small = square < 1e-6
    sine = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)[..., None]
    versine = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / (square + 1e-12))[..., None]
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vectors.shape, 3)
    return torch.eye(3, dtype=vectors.dtype) + sine * cross + versine * (cross @ cross)


@dataclass(frozen=True, eq=False)
class BodyPoints:
    """Some vertices of the body, ready to be posed.

    Attributes:
        rest: (P, 3), basis (K, P, 3) metres.
        joints: (A, 3), joints_basis (K, A, 3) metres.
        weight: (P, A) skinning weights on the bones that turn.
    """

    rest: Tensor
    basis: Tensor
    joints: Tensor
    joints_basis: Tensor
    weight: Tensor

    def posed(self, bones: Skeleton, identity: Tensor, turns: Tensor) -> Tensor:
        """(N, P, 3) metres of identity (K,) and turns (N, T, 3); the root's head stays where it is at rest."""
        rest = self.rest + torch.tensordot(identity, self.basis[: len(identity)], 1)
        joints = self.joints + torch.tensordot(identity, self.joints_basis[: len(identity)], 1)
        moves = bones.transforms(turns, joints)
        # One product of (P, A) with (A, 12) per frame instead of blending a matrix per vertex and influence.
        blended = torch.einsum("pa,naij->npij", self.weight, moves)
        return torch.einsum("npij,pj->npi", blended[..., :3], rest) + blended[..., 3]


def points_of(bones: Skeleton, vertices: NDArray) -> BodyPoints:
    """The chosen (P,) vertices."""
    model, rig = bones.model, bones.rig
    dense = np.zeros((len(vertices), len(bones.bones)))
    rows = np.repeat(np.arange(len(vertices)), rig.bone_index.shape[1])
    np.add.at(dense, (rows, bones.follows[rig.bone_index[vertices].ravel()]), rig.bone_weight[vertices].ravel())
    moving = [rig.bones.index(name) for name in bones.bones]
    arrays = (
        model.mean[vertices],
        model.identity_basis[:, vertices],
        rig.heads[moving],
        rig.heads_basis[:, moving],
        dense,
    )
    return BodyPoints(*(torch.as_tensor(np.ascontiguousarray(x), dtype=torch.float32) for x in arrays))
