"""The pure parts of a step: schedule, averaging, parameter groups. Nothing here has a state to save."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from maquette.training.options import LoopOptions


def learning_rate(step: int, loop: LoopOptions) -> float:
    """The rate of one step: a linear warm-up, then half a cosine down to the final share.

    Args:
        step: counted from 0.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, without restarts.

    Example:
        >>> loop = LoopOptions(steps=110, warmup=10, learning_rate=1.0, final_rate=0.0)
        >>> [round(learning_rate(step, loop), 3) for step in (0, 9, 10, 60, 110)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    if step < loop.warmup:
        return loop.learning_rate * (step + 1) / loop.warmup
    done = min(1.0, (step - loop.warmup) / max(1, loop.steps - loop.warmup))
    share = loop.final_rate + (1 - loop.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
    return loop.learning_rate * share


def average_decay(step: int, ema: float) -> float:
    """The decay of the averaged weights at one step, smaller at the beginning so that the first weights are forgotten.

    Args:
        step: counted from 0.

    Source: min(decay, (1 + t) / (10 + t)), as TensorFlow's ExponentialMovingAverage.
    """
    return min(ema, (1 + step) / (10 + step))


@torch.no_grad()
def average(ema: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the network's: ema = decay ema + (1 - decay) network. Changes `ema`.

    Buffers (running statistics) are averages already and are copied.
    """
    mine: list[Tensor] = list(ema.parameters())
    torch._foreach_lerp_(mine, [p.detach() for p in network.parameters()], 1 - decay)
    for own, other in zip(ema.buffers(), network.buffers()):
        own.copy_(other)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for AdamW: matrices and kernels decay; vectors and scalars (norms, biases, scales) do not."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def adamw(network: nn.Module, loop: LoopOptions) -> torch.optim.Optimizer:
    """The optimizer of recipes that do not bring their own."""
    return torch.optim.AdamW(parameter_groups(network, loop.weight_decay), lr=loop.learning_rate)


@contextmanager
def moving(network: nn.Module, parts: Collection[str]) -> Iterator[None]:
    """Let only some parts of a network learn meanwhile, by the names of its children; all where none are named."""
    others = [part for name, part in network.named_children() if parts and name not in parts]
    frozen = [p for part in others for p in part.parameters() if p.requires_grad]
    for p in frozen:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in frozen:
            p.requires_grad_(True)
