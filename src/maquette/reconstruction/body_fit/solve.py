"""The energy of a body in some frames, and its descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.reconstruction.body_fit import touch
from maquette.reconstruction.body_fit.initial import first_turns
from maquette.reconstruction.body_fit.skeleton import TURNS, BodyPoints, Skeleton, points_of
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
HEELS, TOES = slice(29, 31), slice(31, 33)
KNEES = [TURNS.index(f"knee.{side}") for side in "LR"]
LEGS = [TURNS.index(f"{joint}.{side}") for joint in ("hip", "knee", "ankle") for side in "LR"]
STEEPEST = 0.2  # least share of the root's distance that any skin is away from the camera
CARRYING_M = 0.05  # metres of height over which a foot ceases to carry
PITCH_SPREAD, HALF_SPREAD = 0.3, 0.15  # radians by which cameras look down on who stands, and on those without legs
LEVEL_SPREAD = 0.03  # the same of those who do not stand: with bent legs nothing shows it
STRAIGHT = 2.0  # weight of straight knees, upright trunk and legs and level soles, of people who stand
KNEE_SPREAD = 0.2  # radians by which a knee of theirs bends, and any joint of legs that nobody sees
UPRIGHT_SPREAD = 0.12  # of unit vectors along trunk and legs: towards the camera or away from it
SOLE_SPREAD = 0.15  # of a unit vector from heel to toe: up or down
STRAIGHT_CUT = 2.0  # spreads beyond which a knee is bent after all
LIMBS = ((11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28), (27, 31), (28, 32),
         (11, 12), (23, 24), (11, 23), (12, 24), (15, 19), (16, 20), (7, 8), (8, 0), (7, 0))  # fmt: skip


@dataclass(frozen=True, eq=False)
class BodyState:
    """A body in N frames, on the device of the fit.

    Attributes:
        identity: (K,); turns: (N, T, 3) rotation vectors.
        log_scale: (N,) of plane units per metre; shift: (N, 2) plane, where the root's head is seen.
        pitch: (N,) radians by which the camera looks down.
    """

    identity: Tensor
    turns: Tensor
    log_scale: Tensor
    shift: Tensor
    pitch: Tensor

    def on(self, device: torch.device) -> BodyState:
        """The same on a device."""
        return BodyState(*(value.to(device) for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Probe:
    """The vertices that the energy looks at: those of the key points, and a sample of the skin, some of it of arms."""

    skeleton: Skeleton
    keypoints: BodyPoints
    regressor: Tensor
    skin: BodyPoints
    arms: Tensor

    def posed(self, points: BodyPoints, state: BodyState) -> Tensor:
        """(N, P, 3) posed vertices, metres around the root."""
        root = points.joints[0] + torch.tensordot(state.identity, points.joints_basis[: len(state.identity), 0], 1)
        return points.posed(self.skeleton, state.identity, state.turns) - root

    def flat(self, posed: Tensor, state: BodyState, distance: Tensor | None = None) -> Tensor:
        """(N, P, 2) plane coordinates of (N, P, 3) metres around the root.

        Args:
            distance: (N,) metres from the camera to the root; None where that does not show.
        """
        flipped = posed[..., :2] * torch.tensor([1.0, -1.0]).to(posed)
        if distance is not None:
            flipped = flipped / (1 - posed[..., 2:] / distance[:, None, None]).clamp(min=STEEPEST)
        return state.shift[:, None] + state.log_scale.exp()[:, None, None] * flipped

    @property
    def soles(self) -> Tensor:
        """(2,) how much the soles rise from heel to toe, of a unit vector, where the feet rest on the floor."""
        rest = self.regressor @ self.keypoints.rest
        return _direction(rest[HEELS], rest[TOES])[:, 1]

    def covering(
        self,
        points: Tensor,
        posed: Tensor,
        skin: Tensor,
        state: BodyState,
        targets: FitTargets,
        distance: Tensor | None,
    ) -> Tensor:
        """(N,) energy of arms before a face that shows; posed (N, P, 3) metres and skin (N, P, 2) plane are the skin's,
        points (N, 33, 3) the key points, metres."""
        metre = state.log_scale.exp()[:, None, None]
        face = points[:, touch.FACE]
        flat = self.flat(face, state, distance) / metre
        arms = torch.cat([skin[:, self.arms] / metre, posed[:, self.arms, 2:]], dim=2)
        return touch.cover_energy(torch.cat([flat, face[..., 2:]], dim=2), arms, targets.weight[:, touch.FACE])

    def landmarks(self, state: BodyState) -> Tensor:
        """(N, 33, 3) key points, metres around the root, view axes."""
        return torch.einsum("kp,npd->nkd", self.regressor, self.posed(self.keypoints, state))


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
        torch.as_tensor(touch.arm_points(skeleton.rig, skin[chosen])).to(skeleton.device),
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
    """The closed-form start: average body, limbs as the detector saw them, placed on the key points.

    Hidden legs of people who seem to stand do.
    """
    turns = np.stack([first_turns(probe.skeleton, seen * [1, -1, -1]) for seen in targets.metric.cpu().numpy()])
    guessed = (targets.legs_hidden & (targets.standing > 0.5)).cpu().numpy()
    turns[np.ix_(guessed, np.array(LEGS))] = 0
    count = len(targets)
    start = (
        torch.zeros(MODES),
        torch.as_tensor(turns).float(),
        torch.zeros(count),
        torch.zeros(count, 2),
        torch.zeros(count),
    )
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
        return replace(state, log_scale=scale.log(), shift=(aim - scale[:, None, None] * centre)[:, 0])


def robust(square: Tensor, cut: float) -> Tensor:
    """Geman and McClure's loss of squared residuals in spreads; `cut` spreads count half."""
    return square / (1 + square / cut**2)


def energy(state: BodyState, targets: FitTargets, probe: Probe, silhouette: float, bend_m: float = 0.0) -> Tensor:
    """The negative log posterior, up to a constant.

    Args:
        silhouette: weight of the outline against the key points, 0 to leave it out; how near the camera is counts only
            beside it, since a leg that kicks towards the camera would fold to shrink.
        bend_m: metres by which key points usually lie off the middle of the frames before and after; 0 where frames
            do not follow each other.
    """
    points = probe.landmarks(state)
    total = frame_energies(points, state, targets, probe, silhouette).sum()
    total = total + SHAPE * len(targets) ** 0.5 * state.identity.square().sum()
    if bend_m and len(targets) > 2:
        total = total + motion_energy(points, state, bend_m)
    return total


def frame_energies(
    points: Tensor, state: BodyState, targets: FitTargets, probe: Probe, silhouette: float = 0.0
) -> Tensor:
    """(N,) the part of the energy that each frame has by itself; points (N, 33, 3) are the state's key points."""
    distance = targets.plane.distance(state.log_scale.detach()) if silhouette else None
    off = ((probe.flat(points, state, distance) - targets.points) / POINT_SPREAD).square().sum(dim=2)
    total = (targets.weight * robust(off, POINT_CUT)).sum(dim=1)
    total = total + limb_energy(points, targets).sum(dim=1)
    total = total + balance_energy(points, state.pitch)
    total = total + standing_energy(points, state, targets, probe.soles)
    total = total + PRIOR * probe.skeleton.pose_energy(state.turns)
    if silhouette or targets.touching:
        posed = probe.posed(probe.skin, state)
        skin = probe.flat(posed, state, distance)
        if silhouette:
            total = total + silhouette * outline_energy(skin, targets)
        if targets.touching:
            total = total + touch.touch_energy(points, targets.hands)
            total = total + probe.covering(points, posed, skin, state, targets, distance)
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


def balance_energy(points: Tensor, pitch: Tensor) -> Tensor:
    """(N,) energy of trunks that do not stand over their feet in depth, of key points (N, 33, 3) metres, view axes.

    The detector lets people lean towards the camera or away from it, which their picture hardly shows.
    """
    up, ahead = plumb(pitch)
    feet = points[:, FEET]
    share = torch.softmax(-(feet * up[:, None]).sum(dim=2) / CARRYING_M, dim=1)
    nearer = (points * ahead[:, None]).sum(dim=2)
    lean = nearer[:, TRUNK].mean(dim=1) - (share * nearer[:, FEET]).sum(dim=1)
    return robust((lean / BALANCE_M).square(), POINT_CUT)


def plumb(pitch: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 3) up and (N, 3) level towards the camera, unit vectors in view axes, for cameras that look down by (N,)."""
    zero = torch.zeros_like(pitch)
    return (
        torch.stack([zero, pitch.cos(), pitch.sin()], dim=1),
        torch.stack([zero, -pitch.sin(), pitch.cos()], dim=1),
    )


def standing_energy(points: Tensor, state: BodyState, targets: FitTargets, soles: Tensor) -> Tensor:
    """(N,) energy of the camera's pitch, and of bent knees, leaning bodies and raised soles of people who stand.

    A camera that looks down sees a standing person tilted; on a level one, only folding knees keep such a person in
    balance.

    Args:
        points: (N, 33, 3) key points, metres, view axes.
        soles: (2,) how much soles rise from heel to toe where the feet rest on the floor.
    """
    up, ahead = plumb(state.pitch)
    ankles, hips, shoulders = (points[:, k : k + 2].mean(dim=1) for k in (27, 23, 11))
    trunk, legs = _direction(hips, shoulders), _direction(ankles, hips)
    lean = ((torch.stack([trunk, legs], dim=1) * ahead[:, None]).sum(dim=2) / UPRIGHT_SPREAD).square()
    rise = ((_direction(points[:, HEELS], points[:, TOES]) * up[:, None]).sum(dim=2) - soles) / SOLE_SPREAD
    knees = (state.turns[:, KNEES, 0] / KNEE_SPREAD).square()
    bent = robust(torch.cat([lean, rise.square(), knees], dim=1), STRAIGHT_CUT).sum(dim=1)
    stands = targets.standing
    most = torch.where(targets.legs_hidden, HALF_SPREAD, PITCH_SPREAD)
    spread = most**stands * LEVEL_SPREAD ** (1 - stands)
    guessed = targets.legs_hidden * (state.turns[:, LEGS] / KNEE_SPREAD).square().sum(dim=(1, 2))
    return (state.pitch / spread).square() / 2 + STRAIGHT * stands * (bent + guessed)


def _direction(start: Tensor, end: Tensor) -> Tensor:
    """(..., 3) unit vectors."""
    return torch.nn.functional.normalize(end - start, dim=-1)


def outline_energy(flat: Tensor, targets: FitTargets) -> Tensor:
    """(N,) how far skin points (N, P, 2) lie outside the masks, and the masks' edges off the skin."""
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
    return 60 * beyond + 60 * (gap * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def descend(
    state: BodyState,
    loss: Callable[[BodyState], Tensor],
    steps: int,
    rate: float,
    free: tuple[str, ...] = ("identity", "turns", "log_scale", "shift", "pitch"),
) -> BodyState:
    """Adam with a cosine rate on the fields named in `free`.

    Args:
        loss: of a state, scalar.
        rate: radians (and standard deviations, and plane units / 3) of one step at the start.
    """
    values = {name: tensor.clone().requires_grad_(name in free) for name, tensor in vars(state).items()}
    speed = {"identity": 2.0, "turns": 1.0, "log_scale": 0.5, "shift": 0.3, "pitch": 0.5}
    groups = [{"params": [values[name]], "lr": rate * speed[name]} for name in free]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.97))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, rate * 0.02)
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss(BodyState(**values)).backward()
        optimiser.step()
        schedule.step()
    return BodyState(**{name: tensor.detach() for name, tensor in values.items()})
