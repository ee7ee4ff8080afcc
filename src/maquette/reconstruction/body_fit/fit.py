"""One body from all frames of one person: shape from the clearest of them, then motion window by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from maquette.core.types import Observation
from maquette.reconstruction.body_fit.skeleton import Skeleton
from maquette.reconstruction.body_fit.solve import (
    BodyState,
    Probe,
    descend,
    energy,
    first_state,
    frame_energies,
    placed,
    probe_of,
)
from maquette.reconstruction.body_fit.target import CPU, FitTargets, ImagePlane, targets_of
from maquette.reconstruction.body_fit.touch import DOUBTFUL, arms_tried

KEY_FRAMES = 8  # that the shape is taken from
WINDOW, SHARED = 24, 6  # frames solved at once, and how many of them the next window blends with
POSE_STEPS, OUTLINE_STEPS = 110, 90
CLIP_POSE_STEPS, CLIP_OUTLINE_STEPS = 60, 50  # neighbours help
ARM_STEPS = 35  # for each way to bend an arm
RATE, FINE_RATE = 0.04, 0.02
ACCELERATION = 18.0  # metres per second squared of key points of people who dance
STEP = 1 / 30  # seconds between frames that have no times
MOVING = ("turns", "log_scale", "shift")


def fit_photos(targets: FitTargets, skeleton: Skeleton) -> BodyState:
    """One identity and a pose of its own for each of a few frames that need not follow each other; on the CPU."""
    probe = probe_of(skeleton)
    state = first_state(targets, probe)
    state = descend(state, lambda s: energy(s, targets, probe, 0.0), POSE_STEPS, RATE)
    state = with_likelier_arms(state, targets, probe)
    return descend(state, lambda s: energy(s, targets, probe, 1.0), OUTLINE_STEPS, FINE_RATE).on(CPU)


def with_likelier_arms(state: BodyState, targets: FitTargets, probe: Probe) -> BodyState:
    """The state whose arms, where a hand lies on the own head or trunk, are bent in the likelier of four ways."""
    turns = state.turns.clone()
    for frame, side in torch.nonzero(targets.hands.amax(dim=2) > DOUBTFUL).tolist():
        one = targets.repeated(frame, 4)
        marks = probe.landmarks(replace(state, turns=turns))[frame].cpu().numpy().astype(float)
        tried = arms_tried(probe.skeleton, marks, turns[frame], side)
        places = {name: getattr(state, name)[[frame] * 4] for name in ("log_scale", "shift", "pitch")}
        start = BodyState(state.identity, tried, **places)
        settled = descend(start, partial(energy, targets=one, probe=probe, silhouette=0.0), ARM_STEPS, RATE, ("turns",))
        found = frame_energies(probe.landmarks(settled), settled, one, probe)
        turns[frame] = settled.turns[int(found.argmin())]
    return replace(state, turns=turns)


def fit_clip(
    observations: Sequence[Observation], skeleton: Skeleton, progress: Callable[[int], None] | None = None
) -> tuple[BodyState, ImagePlane]:
    """The motion of one person through a clip, with memory that does not grow with its pictures.

    Args:
        observations: of the N frames; a slice is asked for at a time, some more than once.
        progress: called with the number of frames that are done.

    Returns:
        The state over all N frames, on the CPU, and the plane of their targets.
    """
    count = len(observations)
    if count <= KEY_FRAMES:
        targets = targets_of(observations[:], skeleton.device)
        state = fit_photos(targets, skeleton)
        state = replace(state, pitch=state.pitch.median().expand(count))
        if progress is not None:
            progress(count)
        return state, targets.plane
    keys = np.unique(np.linspace(0, count - 1, KEY_FRAMES).astype(int))
    known = _one_camera(targets_of([observations[int(k)] for k in keys], skeleton.device), skeleton)
    parts: list[BodyState] = []
    planes: list[ImagePlane] = []
    start = 0
    while True:
        end = min(start + WINDOW, count)
        seen = observations[start:end]
        targets = targets_of(seen, skeleton.device)
        parts.append(_window(targets, probe_of(skeleton), known, ACCELERATION * _step(seen) ** 2 / 2))
        planes.append(targets.plane)
        if progress is not None:
            progress(end)
        if end == count:
            break
        start = end - SHARED
    return _joined_states(parts), _joined_planes(planes)


def _step(observations: Sequence[Observation]) -> float:
    """Seconds between frames, as a rule."""
    times = [seen.frame.time for seen in observations if seen.frame.time is not None]
    return float(np.median(np.diff(times))) if len(times) > 1 else STEP


def _one_camera(targets: FitTargets, skeleton: Skeleton) -> tuple[torch.Tensor, float]:
    """The identity (K,) of some frames of a clip, and the pitch of its camera: where the person stands, if anywhere."""
    state, stands = fit_photos(targets, skeleton), targets.standing.cpu() > 0.5
    return state.identity, float(state.pitch[stands if stands.any() else slice(None)].median())


def _window(targets: FitTargets, probe: Probe, known: tuple[torch.Tensor, float], bend_m: float) -> BodyState:
    """The motion in some frames, all standing or none; the identity and the camera's pitch are known."""
    targets = replace(targets, standing=targets.standing.median().expand(len(targets)))
    start = first_state(targets, probe)
    start = replace(start, identity=known[0].to(targets.points), pitch=torch.full_like(start.pitch, known[1]))
    state = placed(start, targets, probe)
    for weight, steps, rate in ((0.0, CLIP_POSE_STEPS, RATE), (1.0, CLIP_OUTLINE_STEPS, FINE_RATE)):
        loss = partial(energy, targets=targets, probe=probe, silhouette=weight, bend_m=bend_m)
        state = descend(state, loss, steps, rate, MOVING)
    return state.on(CPU)


def _joined_states(parts: Sequence[BodyState]) -> BodyState:
    """Windows one after another; where two overlap, one passes into the other."""
    turns, scale, shift = parts[0].turns, parts[0].log_scale, parts[0].shift
    share = torch.linspace(0, 1, SHARED + 2)[1:-1]
    for part in parts[1:]:
        turns = torch.cat([turns[:-SHARED], _blend(turns[-SHARED:], part.turns[:SHARED], share), part.turns[SHARED:]])
        scale = torch.cat(
            [scale[:-SHARED], torch.lerp(scale[-SHARED:], part.log_scale[:SHARED], share), part.log_scale[SHARED:]]
        )
        mixed = torch.lerp(shift[-SHARED:], part.shift[:SHARED], share[:, None])
        shift = torch.cat([shift[:-SHARED], mixed, part.shift[SHARED:]])
    return BodyState(parts[0].identity, turns, scale, shift, parts[0].pitch[:1].expand(len(turns)))


def _joined_planes(planes: Sequence[ImagePlane]) -> ImagePlane:
    centres = [planes[0].centre, *(plane.centre[SHARED:] for plane in planes[1:])]
    sizes = [planes[0].size, *(plane.size[SHARED:] for plane in planes[1:])]
    focals = [planes[0].focal, *(plane.focal[SHARED:] for plane in planes[1:])]
    return ImagePlane(np.concatenate(centres), np.concatenate(sizes), np.concatenate(focals))


def _blend(first: torch.Tensor, second: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """(N, T, 3) rotation vectors between two that mean nearly the same turns."""
    from scipy.spatial.transform import Rotation, Slerp

    out = np.empty(first.shape)
    for frame in range(len(first)):
        for turn in range(first.shape[1]):
            ends = Rotation.from_rotvec(np.stack([first[frame, turn].numpy(), second[frame, turn].numpy()]))
            out[frame, turn] = Slerp([0, 1], ends)(float(share[frame])).as_rotvec()
    return torch.as_tensor(out, dtype=torch.float32)
