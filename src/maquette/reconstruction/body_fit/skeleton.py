"""Which turns the fit may choose, how far joints go, and the body they move, in torch for many frames at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
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

Angles = tuple[float, float, float]


@dataclass(frozen=True)
class TurnPrior:
    """What is likely of one turn, radians, about three axes: bending, twist, to the side.

    Attributes:
        middle, spread: of each.
        low, high: range of the first, which a hinge does not leave.
    """

    middle: Angles
    spread: Angles
    low: float = -50.0
    high: float = 50.0


# Chosen by hand after the ranges of joints in Kapandji, The Physiology of the Joints: about two thirds of daily motion.
# The axes are x, y, z of the rest pose's world, but the elbow's: its hinge, along the forearm, across.
PRIORS: dict[str, TurnPrior] = {
    "root": TurnPrior((0, 0, 0), (50, 50, 50)),
    "waist": TurnPrior((0.02, 0, 0), (0.18, 0.14, 0.10)),
    "chest": TurnPrior((0.02, 0, 0), (0.20, 0.20, 0.12)),
    "neck": TurnPrior((0.0, 0, 0), (0.30, 0.50, 0.20)),
    "clavicle": TurnPrior((0, 0, 0), (0.10, 0.12, 0.15)),
    "shoulder": TurnPrior((0, 0, 0), (0.9, 0.7, 0.9)),
    "elbow": TurnPrior((0.0, 0.0, 0.0), (0.8, 0.5, 0.10), -0.75, 1.9),
    "wrist": TurnPrior((0, 0, 0), (0.30, 0.30, 0.30)),
    "hip": TurnPrior((-0.1, 0, 0), (0.70, 0.30, 0.35)),
    "knee": TurnPrior((0.15, 0.0, 0.0), (0.7, 0.10, 0.08), -0.05, 2.4),
    "ankle": TurnPrior((0, 0, 0), (0.30, 0.15, 0.15)),
}
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

    @property
    def device(self) -> torch.device:
        """Where the fit computes."""
        return self.axes.device

    def on(self, device: str) -> Skeleton:
        """The same for a fit on another device."""
        if self.device.type == device:
            return self
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)

    def pose_energy(self, turns: Tensor) -> Tensor:
        """(N,) energy of the pose prior of rotation vectors (N, T, 3)."""
        local = torch.einsum("tij,ntj->nti", self.axes, turns)
        gauss = (((local - self.middle) / self.spread) ** 2).sum(dim=(1, 2))
        hinge = local[..., 0]
        over = torch.relu(hinge - self.high) + torch.relu(self.low - hinge)
        return gauss + ((over / BEYOND) ** 2).sum(dim=1)

    def rotations(self, turns: Tensor) -> Tensor:
        """(N, A, 3, 3) of rotation vectors (N, T, 3)."""
        share = torch.as_tensor(self.share, dtype=turns.dtype).to(turns.device)
        return rotation_matrices(turns[:, self.turn] * share[:, None])

    def full_rotations(self, turns: Tensor) -> NDArray:
        """(N, B, 3, 3) for `Rig.transforms`; bones that do not turn keep the identity."""
        rig = self.rig
        out = np.tile(np.eye(3), (len(turns), len(rig.bones), 1, 1))
        own = self.rotations(turns.to(self.device)).detach().cpu().numpy()
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
def load_skeleton(fetch: Callable[[str], Path] = store.fetch) -> Skeleton:
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
    heads = dict(zip(rig.bones, rig.heads.astype(float)))
    priors = [PRIORS[name.partition(".")[0]] for name in TURNS]
    return Skeleton(
        model=model,
        bones=names,
        parents=parents,
        turn=np.array([owner[n][0] for n in names]),
        share=np.array([owner[n][1] for n in names]),
        follows=follows,
        axes=_float32([_axes(name, heads) for name in TURNS]),
        middle=_float32([prior.middle for prior in priors]),
        spread=_float32([prior.spread for prior in priors]),
        low=_float32([prior.low for prior in priors]),
        high=_float32([prior.high for prior in priors]),
    )


def _axes(name: str, heads: Mapping[str, NDArray]) -> NDArray:
    """(3, 3) rows: the axes of one turn's prior.

    Args:
        heads: (3,) metres, where each bone begins at rest.
    """
    turn, _, side = name.partition(".")
    if turn != "elbow":
        return np.eye(3)
    upper = heads[f"lowerarm01.{side}"] - heads[f"upperarm01.{side}"]
    fore = heads[f"wrist.{side}"] - heads[f"lowerarm01.{side}"]
    hinge, along = np.cross(upper, fore), fore / np.linalg.norm(fore)
    hinge /= np.linalg.norm(hinge)
    return np.stack([hinge, along, np.cross(hinge, along)])


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
    return torch.eye(3).to(vectors) + sine * cross + versine * (cross @ cross)


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

    def posed(self, skeleton: Skeleton, identity: Tensor, turns: Tensor) -> Tensor:
        """(N, P, 3) metres of identity (K,) and turns (N, T, 3); the root's head stays where it is at rest."""
        rest = self.rest + torch.tensordot(identity, self.basis[: len(identity)], 1)
        joints = self.joints + torch.tensordot(identity, self.joints_basis[: len(identity)], 1)
        moves = skeleton.transforms(turns, joints)
        # One product of (P, A) with (A, 12) per frame instead of blending a matrix per vertex and influence.
        blended = torch.einsum("pa,naij->npij", self.weight, moves)
        return torch.einsum("npij,pj->npi", blended[..., :3], rest) + blended[..., 3]


def points_of(skeleton: Skeleton, vertices: NDArray) -> BodyPoints:
    """The chosen (P,) vertices, on the skeleton's device."""
    model, rig = skeleton.model, skeleton.rig
    dense = np.zeros((len(vertices), len(skeleton.bones)))
    rows = np.repeat(np.arange(len(vertices)), rig.bone_index.shape[1])
    np.add.at(dense, (rows, skeleton.follows[rig.bone_index[vertices].ravel()]), rig.bone_weight[vertices].ravel())
    moving = [rig.bones.index(name) for name in skeleton.bones]
    parts = (
        model.mean[vertices],
        model.identity_basis[:, vertices],
        rig.heads[moving],
        rig.heads_basis[:, moving],
        dense,
    )
    return BodyPoints(*(_float32(part).to(skeleton.device) for part in parts))


def _float32(values: ArrayLike) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)
