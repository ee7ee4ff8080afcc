"""The motion network on frames as they come: each answer is `2 * reach` frames late, and the same as in a whole clip
that is read with that reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.reconstruction.face_fit.motion.network import KERNEL, MotionNet, said


@dataclass(frozen=True, eq=False)
class StreamedFrame:
    """What a face did in one frame.

    Attributes:
        number: of the frame, counted from 0.
        expression: (52,) weights, 0-1. gaze: (2, 2) radians, see `HeadMotion.gaze`.
        pose: (6,) correction, see `network.said`.
        sigma: (62,) scale of the error of each of these, in their order.
    """

    number: int
    expression: NDArray
    gaze: NDArray
    pose: NDArray
    sigma: NDArray


class MotionStream:
    """Evidence in, motion out, frame by frame; memory does not grow.

    Args:
        network: in evaluation mode.
        reach: frames that each of the two backward branches sees ahead; 0 answers at once.
    """

    def __init__(self, network: MotionNet, reach: int = 1) -> None:
        if reach < 0:
            raise ValueError(f"reach {reach}: wanted 0 or more frames")
        self.network, self.reach = network, reach
        self._rows: list[Tensor] = []  # evidence of the frames that are not answered yet, and of the last that were
        self._kept = 0  # how many of these were answered
        self._own: list[Tensor] = []  # features, the usual ones among them
        self._flow: list[Tensor] = []
        self._halfway: list[Tensor] = []  # features with those of the first two branches
        self._last: tuple[Tensor, float] | None = None
        self._sum, self._most, self._count = torch.zeros(0), torch.zeros(0), 0
        nothing = torch.zeros(1, network.width)
        self._states = {1: (nothing, nothing), 3: (nothing, nothing)}
        self._flows_before: dict[int, Tensor] = {}
        self._answered = 0

    @property
    def delay(self) -> int:
        """Frames by which an answer is late."""
        return 2 * self.reach

    @torch.inference_mode()
    def push(self, evidence: NDArray, time: float) -> StreamedFrame | None:
        """Take the next frame's (WIDTH,) evidence; what the face did `delay` frames before it, None while that is new.

        Args:
            time: seconds.
        """
        row = torch.from_numpy(np.ascontiguousarray(evidence, np.float32))[None, None]
        last, before = self._last or (row, time)
        pair, steps = torch.cat([last, row], dim=1), torch.tensor([[0.0, time - before]], dtype=torch.float32)
        self._last = row, time
        self._rows.append(row)
        self._flow.append(self.network.flowing(pair, steps)[:, 1:])
        own = self.network.look(row)
        self._count += 1
        self._sum = own if self._count == 1 else self._sum + own
        self._most = own if self._count == 1 else torch.maximum(self._most, own)
        self._own.append(torch.cat([own, self._sum / self._count, self._most], dim=2))
        if len(self._own) - len(self._halfway) > self.reach:
            self._first_half()
        return self._second_half() if len(self._halfway) > self.reach else None

    @torch.inference_mode()
    def finish(self) -> list[StreamedFrame]:
        """What is left, when no frame comes any more."""
        while len(self._halfway) < len(self._own):
            self._first_half()
        return [self._second_half() for _ in range(len(self._halfway))]

    def _first_half(self) -> None:
        """The first two branches at the next frame that has enough after it."""
        place = len(self._halfway)
        width = self.network.width
        window = torch.cat(self._own[place:], dim=1)
        own, usual = window[..., :width], window[..., width:]
        back = self.network.branch(0).windowed(*self._window(place, torch.cat([own, usual], dim=2)))[:, :1]
        here = torch.cat([own[:, :1], back], dim=2)
        forth = self._forward(1, place, torch.cat([here, usual[:, :1]], dim=2))
        self._halfway.append(torch.cat([here, forth, usual[:, :1]], dim=2))

    def _second_half(self) -> StreamedFrame:
        """The last two branches at the oldest frame, which is answered and forgotten."""
        width = self.network.width
        window = torch.cat(self._halfway[: self.reach + 1], dim=1)
        back = self.network.branch(2).windowed(*self._window(0, window))[:, :1]
        here = torch.cat([window[:, :1, : 3 * width], back], dim=2)
        usual = window[:, :1, 3 * width :]
        forth = self._forward(3, 0, torch.cat([here, usual], dim=2))
        output = self.network.say(torch.cat([here, forth, usual], dim=2))
        rows, place = torch.cat(self._rows[: self._kept + self.delay + 1], dim=1), self._kept
        outputs = output.expand(-1, rows.shape[1], -1)
        parts = said(outputs, rows, torch.ones(rows.shape[:2]), self.reach)
        weights, gaze, pose, scale = (value[0, place].double().numpy() for value in parts)
        for kept in (self._own, self._flow, self._halfway):
            kept.pop(0)
        self._kept += 1
        if self._kept > len(KERNEL) // 2:
            self._rows.pop(0)
            self._kept -= 1
        self._answered += 1
        sigma = np.exp(scale)
        return StreamedFrame(self._answered - 1, np.clip(weights, 0, 1), gaze.reshape(2, 2), pose, sigma)

    def _window(self, place: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor, int]:
        """The arguments of `GatedBranch.windowed` for the frames of x, the first of which is at a place."""
        count = x.shape[1]
        flow = torch.cat(self._flow[place : place + count], dim=1)
        return x, flow, torch.ones(1, count, 1), count - 1

    def _forward(self, branch: int, place: int, x: Tensor) -> Tensor:
        """(1, 1, width) the next state of a forward branch, which is kept."""
        flow = self._flow[place]
        before = self._flows_before.get(branch, torch.zeros_like(flow))
        states = self._states[branch]
        found = self.network.branch(branch).next(x[:, 0], torch.cat([before, flow], dim=1), states)
        self._flows_before[branch] = flow
        self._states[branch] = found, states[0]
        return found[:, None]
