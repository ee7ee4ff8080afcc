"""The energy of a body in some frames, and its descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.reconstruction.body_fit.initial import first_turns
from maquette.reconstruction.body_fit.skeleton import BodyPoints, Skeleton, points_of
from maquette.reconstruction.body_fit.target import FitTargets

MODES = 16  # of the identity
POINT_SPREAD = 0.018  # of the person's size: BlazePose's error on people in all poses
POINT_CUT = 3.0  # spreads beyond which a point counts as wrong (Geman and McClure 1987)
LIMB_SPREAD = 0.30  # of a unit direction: the detector's error in depth
OUTSIDE_SPREAD = 0.010  # of the person's size by which skin lies outside the mask
OUTLINE_SPREAD = 0.015  # and by which the mask's edge lies off the body
OUTLINE_CUT = 3.0
SKIN_POINTS = 2600
PRIOR = 0.15  # weight of the pose prior against the data
SHAPE = 0.7  # weight of the identity's prior
BALANCE_M = 0.10  # metres in depth between the middle of the trunk and the feet that carry it; pictures do not show it
TRUNK, FEET = (11, 12, 23, 24), (29, 30, 31, 32)
CARRYING_M = 0.05  # metres of height over which a foot ceases to carry
LIMBS = ((11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28), (27, 31), (28, 32),
         (11, 12), (23, 24), (11, 23), (12, 24), (15, 19), (16, 20), (7, 8), (8, 0), (7, 0))  # fmt: skip


@dataclass(frozen=True, eq=False)
class BodyState:
    """A body in N frames, on the device of the fit.

    Attributes:
        identity: (K,); turns: (N, T, 3) rotation vectors.
        log_scale: (N,) of plane units per metre; shift: (N, 2) plane, where the root's head is seen.
    """

    identity: Tensor
    turns: Tensor
    log_scale: Tensor
    shift: Tensor

    def on(self, device: torch.device) -> BodyState:
        """The same on a device."""
        return BodyState(*(value.to(device) for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Probe:
    """The vertices that the energy looks at: those of the key points, and a sample of the skin."""

    skeleton: Skeleton
    keypoints: BodyPoints
    regressor: Tensor
    skin: BodyPoints

    def seen(self, points: BodyPoints, state: BodyState) -> tuple[Tensor, Tensor]:
        """Posed vertices (N, P, 3) metres around the root, and their (N, P, 2) plane coordinates."""
        posed = points.posed(self.skeleton, state.identity, state.turns)
        root = points.joints[0] + torch.tensordot(state.identity, points.joints_basis[: len(state.identity), 0], 1)
        return posed - root, self.flat(posed - root, state)

    def flat(self, posed: Tensor, state: BodyState) -> Tensor:
        """(N, P, 2) plane coordinates of (N, P, 3) metres around the root."""
        flipped = posed[..., :2] * torch.tensor([1.0, -1.0]).to(posed)
        return state.shift[:, None] + state.log_scale.exp()[:, None, None] * flipped

    def landmarks(self, state: BodyState) -> Tensor:
        """(N, 33, 3) key points, metres around the root, view axes."""
        return torch.einsum("kp,npd->nkd", self.regressor, self.seen(self.keypoints, state)[0])


@lru_cache(maxsize=2)
def probe_of(skeleton: Skeleton) -> Probe:
    """The probe of a body, made once."""
    model = skeleton.model
    index, weight = skeleton.rig.keypoints["mediapipe33"]
    used, place = np.unique(index, return_inverse=True)
    regressor = np.zeros((len(index), len(used)))
    np.add.at(regressor, (np.repeat(np.arange(len(index)), index.shape[1]), place.ravel()), weight.ravel())
    skin = np.unique(model.faces[model.parts["skin"]])
    # Evenly by area: the face and hands have most of the vertices.
    chosen = _spread_out(model.mean[skin], SKIN_POINTS)
    return Probe(
        skeleton,
        points_of(skeleton, used),
        torch.as_tensor(regressor, dtype=torch.float32).to(skeleton.device),
        points_of(skeleton, skin[chosen]),
    )


def _spread_out(points: NDArray, count: int) -> NDArray:
    """Indices of about `count` of (P, 3) points, one per cell of a grid whose width is searched for."""
    low, high = 0.001, 0.2
    for _ in range(20):
        width = (low + high) / 2
        _, first = np.unique(np.floor(points / width).astype(int), axis=0, return_index=True)
        low, high = (width, high) if len(first) > count else (low, width)
    return np.sort(first)


def first_state(targets: FitTargets, probe: Probe) -> BodyState:
    """The closed-form start: average body, limbs as the detector saw them, placed on the key points."""
    turns = np.stack([first_turns(probe.skeleton, seen * [1, -1, -1]) for seen in targets.metric.cpu().numpy()])
    count = len(targets)
    start = (torch.zeros(MODES), torch.as_tensor(turns).float(), torch.zeros(count), torch.zeros(count, 2))
    return placed(BodyState(*start).on(targets.points.device), targets, probe)


def placed(state: BodyState, targets: FitTargets, probe: Probe) -> BodyState:
    """The state with scale and shift that fit the key points best (weighted least squares)."""
    with torch.no_grad():
        marks = probe.landmarks(state)[..., :2]
        flat = marks * torch.tensor([1.0, -1.0]).to(marks)
        weight = targets.weight[..., None] / targets.weight.sum(dim=1)[:, None, None]
        centre, aim = (weight * flat).sum(1, True), (weight * targets.points).sum(1, True)
        a, b = flat - centre, targets.points - aim
        scale = (weight * a * b).sum(dim=(1, 2)) / (weight * a * a).sum(dim=(1, 2)).clamp(min=1e-9)
        scale = scale.clamp(min=0.1)
        return BodyState(state.identity, state.turns, scale.log(), (aim - scale[:, None, None] * centre)[:, 0])


def robust(square: Tensor, cut: float) -> Tensor:
    """Geman and McClure's loss of squared residuals in spreads; `cut` spreads count half."""
    return square / (1 + square / cut**2)


def energy(state: BodyState, targets: FitTargets, probe: Probe, silhouette: float, bend_m: float = 0.0) -> Tensor:
    """The negative log posterior, up to a constant.

    Args:
        silhouette: weight of the outline against the key points, 0 to leave it out.
        bend_m: metres by which key points usually lie off the middle of the frames before and after; 0 where frames
            do not follow each other.
    """
    points = probe.landmarks(state)
    off = ((probe.flat(points, state) - targets.points) / POINT_SPREAD).square().sum(dim=2)
    total = (targets.weight * robust(off, POINT_CUT)).sum()
    total = total + limb_energy(points, targets).sum()
    total = total + balance_energy(points).sum()
    total = total + PRIOR * probe.skeleton.pose_energy(state.turns).sum()
    total = total + SHAPE * len(targets) ** 0.5 * state.identity.square().sum()
    if silhouette:
        total = total + silhouette * outline_energy(probe.seen(probe.skin, state)[1], targets)
    if bend_m and len(targets) > 2:
        total = total + motion_energy(points, state, bend_m)
    return total


def limb_energy(points: Tensor, targets: FitTargets) -> Tensor:
    """(N, L) energy of limbs that point elsewhere than the detector saw, of key points (N, 33, 3) metres."""
    start, end = (torch.tensor(ends).to(points.device) for ends in zip(*LIMBS))
    found = torch.nn.functional.normalize(points[:, end] - points[:, start], dim=2)
    wanted = torch.nn.functional.normalize(targets.metric[:, end] - targets.metric[:, start], dim=2)
    sure = torch.minimum(targets.weight[:, end], targets.weight[:, start]).sqrt()
    return sure * robust(((found - wanted) / LIMB_SPREAD).square().sum(dim=2), POINT_CUT)


def motion_energy(points: Tensor, state: BodyState, bend_m: float) -> Tensor:
    """Energy of accelerations of key points (N, 33, 3) metres around the root, see `energy`."""
    aside = torch.cat([state.shift * torch.tensor([1.0, -1.0]).to(state.shift), state.shift[:, :1] * 0], 1)
    place = points + aside[:, None] / state.log_scale.exp().mean()
    bend = place[2:] - 2 * place[1:-1] + place[:-2]
    return (bend / (2 * bend_m)).square().sum() / 33


def balance_energy(points: Tensor) -> Tensor:
    """(N,) energy of trunks that do not stand over their feet in depth, of key points (N, 33, 3) metres, y up.

    The detector lets people lean towards the camera or away from it, which their picture hardly shows.
    """
    feet = points[:, FEET]
    share = torch.softmax(-feet[..., 1] / CARRYING_M, dim=1)
    lean = points[:, TRUNK, 2].mean(dim=1) - (share * feet[..., 2]).sum(dim=1)
    return robust((lean / BALANCE_M).square(), POINT_CUT)


def outline_energy(flat: Tensor, targets: FitTargets) -> Tensor:
    """How far skin points (N, P, 2) lie outside the masks, and the masks' edges off the skin."""
    grid = 2 * (flat - targets.corner[:, None]) / targets.side[:, None, None] - 1
    away = torch.nn.functional.grid_sample(targets.outside, grid[:, None], align_corners=False, padding_mode="border")[
        :, 0, 0
    ]
    beyond = robust((away / OUTSIDE_SPREAD).square(), 6.0).mean(dim=1)
    with torch.no_grad():
        nearest = torch.cdist(targets.outline, flat).argmin(dim=2)
    partner = torch.gather(flat, 1, nearest[..., None].expand(-1, -1, 2))
    gap = robust(((partner - targets.outline) / OUTLINE_SPREAD).square().sum(dim=2), OUTLINE_CUT)
    kept = targets.within.float()
    return (60 * beyond + 60 * (gap * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)).sum()


def descend(
    state: BodyState,
    loss: Callable[[BodyState], Tensor],
    steps: int,
    rate: float,
    free: tuple[str, ...] = ("identity", "turns", "log_scale", "shift"),
) -> BodyState:
    """Adam with a cosine rate on the fields named in `free`.

    Args:
        loss: of a state, scalar.
        rate: radians (and standard deviations, and plane units / 3) of one step at the start.
    """
    values = {name: tensor.clone().requires_grad_(name in free) for name, tensor in vars(state).items()}
    speed = {"identity": 2.0, "turns": 1.0, "log_scale": 0.5, "shift": 0.3}
    groups = [{"params": [values[name]], "lr": rate * speed[name]} for name in free]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.97))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, rate * 0.02)
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss(BodyState(**values)).backward()
        optimiser.step()
        schedule.step()
    return BodyState(**{name: tensor.detach() for name, tensor in values.items()})
