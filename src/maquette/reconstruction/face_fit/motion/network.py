"""The motion network: from evidence over time to expression, gaze and pose, and how sure each of them is.

Branches run through the clip backward, forward, backward and forward again; each reads what those before it found, and
its own state one and two frames ago (second-order grid propagation, Chan et al. 2022, BasicVSR++), on features of one
face instead of pictures: the landmarks' own flow between the frames aligns the states before they are read.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group

FLOW = 32  # features that the landmarks' flow is brought to
GAZE, POSE = 4, 6
SAID = UNITS + GAZE + POSE
OUTPUT = 2 * SAID + UNITS  # values, the scales of their errors, and gates
KERNEL = (1.0, 4.0, 6.0, 4.0, 1.0)  # over neighbouring frames: what is quicker passes a gate
PASSING = 1.0  # bias of the gates
FLOW_GAIN, USUAL_STEP_S = 4.0, 1 / 30
LEAK = 0.05  # how far weights may leave 0-1 while learning, for the gradient's sake
FARTHEST = 4.0  # states are kept within: what aligns them may lengthen them, in a long clip without end
STEADY_BIAS = -1.0  # of the gates: a state stays unless there is reason


class GatedBranch(nn.Module):
    """One pass through time with a state that remembers two frames, in either direction.

    Args:
        read: features that it reads of each frame. width: of the state.
        backward: from the last frame to the first.
    """

    def __init__(self, read: int, width: int, backward: bool) -> None:
        super().__init__()
        self.width, self.backward = width, backward
        self.enter = nn.Linear(read, 2 * width)
        self.align = nn.Linear(2 * (FLOW + 1), 4 * width)
        self.recur = nn.Linear(2 * width, 2 * width, bias=False)
        nn.init.zeros_(self.align.weight)
        nn.init.zeros_(self.align.bias.data[2 * width :])
        nn.init.ones_(self.align.bias.data[: 2 * width])
        nn.init.constant_(self.enter.bias.data[:width], STEADY_BIAS)

    def step(self, entered: Tensor, aligned: Tensor, states: tuple[Tensor, Tensor]) -> Tensor:
        """The next state (..., width), of the two before it, the last first."""
        scale, shift = aligned.chunk(2, dim=-1)
        both = torch.addcmul(shift, torch.cat(states, dim=-1), scale)
        gate, fresh = (entered + self.recur(both)).chunk(2, dim=-1)
        found = torch.lerp(both[..., : self.width], torch.tanh(fresh), torch.sigmoid(gate))
        return found.clamp(-FARTHEST, FARTHEST)

    def forward(self, x: Tensor, flow: Tensor, seen: Tensor) -> Tensor:
        """(B, N, width) states of (B, N, read) features, all frames in turn.

        Args:
            flow: (B, N, FLOW + 1) from the frame before in time, 0 at the first.
            seen: (B, N, 1) 1 where there is a frame, 0 behind the end of the shorter clips of a batch.
        """
        frames = list(zip(self.enter(x).unbind(1), self.align(self._flows(flow)).unbind(1), seen.unbind(1)))
        state = before = x.new_zeros(len(x), self.width)
        found: list[Tensor] = []
        for entered, aligned, there in reversed(frames) if self.backward else frames:
            state, before = self.step(entered, aligned, (state, before)) * there, state
            found.append(state)
        return torch.stack(found[::-1] if self.backward else found, dim=1)

    def next(self, x: Tensor, flow: Tensor, states: tuple[Tensor, Tensor]) -> Tensor:
        """(B, width) the state of a forward branch at one frame.

        Args:
            x: (B, read). flow: (B, 2, FLOW + 1) of the frame before and of this one. states: before it, the last first.
        """
        aligned = self.align(torch.cat([flow[:, 1], flow[:, 1] + flow[:, 0]], dim=1))
        return self.step(self.enter(x), aligned, states)

    def windowed(self, x: Tensor, flow: Tensor, seen: Tensor, reach: int) -> Tensor:
        """The same of a backward branch that sees `reach` frames ahead of each and no more."""
        entered, one = self.enter(x), -_ahead(flow, 1)
        state = before = x.new_zeros(*x.shape[:2], self.width)
        for k in range(reach, -1, -1):
            # What lies behind the window is not known: no flow to it either.
            near = torch.zeros_like(one) if k == reach else one
            far = near + _ahead(one, 1) if k < reach - 1 else near
            aligned = self.align(torch.cat([near, far], dim=2))
            own, turned, there = (_ahead(values, k) for values in (entered, aligned, seen))
            state, before = self.step(own, turned, (state, before)) * there, state
        return state

    def _flows(self, flow: Tensor) -> Tensor:
        """(B, N, 2 (FLOW + 1)) to the frames one and two steps back on the branch's way."""
        if not self.backward:
            before = torch.cat([torch.zeros_like(flow[:, :1]), flow[:, :-1]], dim=1)
            return torch.cat([flow, flow + before], dim=2)
        one, two = -_ahead(flow, 1), -_ahead(flow, 1) - _ahead(flow, 2)
        return torch.cat([one, two], dim=2)


def _ahead(values: Tensor, count: int) -> Tensor:
    """(B, N, C) of `count` frames later, zero behind the end."""
    if not count:
        return values
    return torch.cat([values[:, count:], torch.zeros_like(values[:, :count])], dim=1)[:, : values.shape[1]]


class MotionNet(nn.Module):
    """Four branches over the frames' features, and what they say together.

    Args:
        width: of features and states.
        dropout: share of the features left out while learning, and of the evidence.
    """

    def __init__(self, width: int = 96, dropout: float = 0.15) -> None:
        super().__init__()
        self.width, self.dropout = width, dropout
        self.look = nn.Sequential(
            nn.Linear(WIDTH, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width), nn.GELU()
        )
        self.flow = nn.Linear(WIDTH, FLOW, bias=False)
        self.branches = nn.ModuleList(GatedBranch((3 + k) * width, width, k % 2 == 0) for k in range(4))
        self.drop = nn.Dropout(dropout)
        self.say = nn.Sequential(nn.Linear(7 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, OUTPUT))
        for value in self.say[2].parameters():
            nn.init.zeros_(value)

    def forward(self, evidence: Tensor, steps: Tensor, seen: Tensor, reach: int = -1) -> Tensor:
        """(B, N, OUTPUT): expression, gaze and pose as `said` takes them apart.

        Args:
            evidence: (B, N, WIDTH). steps: (B, N) seconds since the frame before, 0 at the first.
            seen: (B, N) 1 where there is a frame.
            reach: frames that each backward branch sees ahead, for a stream that is `2 * reach` frames late; all the
                clip's if negative.
        """
        there = seen[..., None]
        # The same numbers are left out of all frames: what is missing is not to be seen a frame later.
        shown = functional.dropout(torch.ones_like(evidence[:, :1]), self.dropout, self.training)
        own = self.drop(self.look(evidence * shown)) * there
        flow = self.flowing(evidence, steps) * there
        usual = self._usual(own, there, reach)
        found = [own]
        for number in range(len(self.branches)):
            branch = self.branch(number)
            x = torch.cat([*found, usual], dim=2)
            windowed = branch.backward and reach >= 0
            found.append(branch.windowed(x, flow, there, reach) if windowed else branch(x, flow, there))
        return self.say(torch.cat([*found, usual], dim=2))

    def branch(self, number: int) -> GatedBranch:
        """One of the four."""
        found = self.branches[number]
        assert isinstance(found, GatedBranch)
        return found

    def flowing(self, evidence: Tensor, steps: Tensor) -> Tensor:
        """(B, N, FLOW + 1) change since the frame before and how long ago that was."""
        change = FLOW_GAIN * (evidence[:, 1:] - evidence[:, :-1])
        moved = torch.tanh(self.flow(torch.cat([torch.zeros_like(evidence[:, :1]), change], dim=1)))
        return torch.cat([moved, (steps / USUAL_STEP_S).clamp(max=4)[..., None]], dim=2)

    @staticmethod
    def _usual(own: Tensor, there: Tensor, reach: int) -> Tensor:
        """(B, N, 2 width) mean and most of the features: of all frames, or in a stream of those so far."""
        low = own - 1e4 * (1 - there)
        if reach < 0:
            mean = (own.sum(dim=1, keepdim=True) / there.sum(dim=1, keepdim=True)).expand_as(own)
            most = low.max(dim=1, keepdim=True).values.expand_as(own)
        else:
            mean = own.cumsum(dim=1) / there.cumsum(dim=1).clamp(min=1)
            most = low.cummax(dim=1).values
        return torch.cat([mean, most], dim=2)


def said(output: Tensor, evidence: Tensor, seen: Tensor, reach: int = -1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What a network's output (B, N, OUTPUT) means, of the same evidence, frames that are there and reach.

    Returns:
        weights (B, N, UNITS), hardly beyond 0-1; gaze (B, N, 4) radians; correction of the pose (B, N, POSE): rotation
        vector in camera axes, radians, shift of the origin in eye distances, log of the depth; and the log of the scale
        of each of their errors (B, N, SAID).
    """
    value, scale, gate = output.split([SAID, SAID, UNITS], dim=-1)
    fitted = evidence[..., group("fitted")]
    slow = lowpassed(fitted, seen, reach)
    loose = slow + torch.sigmoid(gate + PASSING) * (fitted - slow) + value[..., :UNITS]
    weights = loose.clamp(0, 1)
    gaze = evidence[..., group("gaze")] / 4 + 0.1 * value[..., UNITS : UNITS + GAZE]
    pose = 0.1 * value[..., UNITS + GAZE :]
    return weights + LEAK * (loose - weights), gaze, pose, (scale - 2).clamp(-7, 2)


def lowpassed(values: Tensor, seen: Tensor, reach: int = -1) -> Tensor:
    """(B, N, C) mean of each frame (B, N, C) and its neighbours; in a stream no farther ahead than its delay."""
    middle = len(KERNEL) // 2
    ahead = middle if reach < 0 else min(middle, 2 * reach)
    there = seen[..., None]
    total, weight = torch.zeros_like(values), torch.zeros_like(there)
    for place, share in enumerate(KERNEL):
        step = place - middle
        if step > ahead:
            continue
        other, shown = (_later(part, step) for part in (values * there, there))
        total, weight = total + share * other, weight + share * shown
    return total / weight.clamp(min=1e-6)


def _later(values: Tensor, step: int) -> Tensor:
    """(B, N, C) of `step` frames later, or earlier where it is negative; zero beyond the ends."""
    if step >= 0:
        return _ahead(values, step)
    return torch.cat([torch.zeros_like(values[:, :-step]), values[:, :step]], dim=1)[:, : values.shape[1]]
