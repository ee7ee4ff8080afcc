"""The smallest recipe: a straight line from noisy points."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from maquette.training.options import LoopOptions
from maquette.training.recipe import Recipe


@dataclass(frozen=True)
class ToyOptions:
    """The line and its trouble."""

    slope: float = 2.0
    """Slope of the line, without unit."""
    examples: int = sys.maxsize
    """Number of examples."""
    nan_from: int = -1
    """Number of the first batch with a NaN; -1 for none."""
    kill_at: int = -1
    """Number of the batch during which the process gets SIGTERM; -1 for none."""


class Line(nn.Module):
    """Two layers with what makes a resume hard: dropout and running statistics."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.GELU(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)


@dataclass
class Points:
    """Points of the line."""

    options: ToyOptions
    batch_size: int
    seed: int

    def __len__(self):
        return self.options.examples

    def batch(self, number):
        rng = np.random.default_rng([self.seed, number])
        x = rng.normal(size=(self.batch_size, 1)).astype(np.float32)
        if 0 <= self.options.nan_from <= number:
            x[0] = np.nan
        return {"x": x, "y": torch.from_numpy(x * self.options.slope)}


def loss(network, batch, options):
    if options.kill_at >= 0 and abs(float(batch["x"][0]) - first_of(options.kill_at)) < 1e-9:
        signal.raise_signal(signal.SIGTERM)
    error = network(batch["x"]) - batch["y"]
    return error.square().mean(), {"worst": error.detach().abs().max()}


def first_of(number):
    return float(np.random.default_rng([0, number]).normal(size=(4, 1)).astype(np.float32)[0, 0])


def picture(network, batch):
    y = network(batch["x"])
    return np.full((8, 8, 3), int(np.clip(float(y.mean()) * 10 + 128, 0, 255)), np.uint8)


def validate(network, options):
    x = torch.linspace(-1, 1, 9)[:, None]
    return {"score": float((network(x) - options.slope * x).abs().mean())}


def export(network):
    return network.state_dict(), {"layers": "2"}


RECIPE = Recipe(
    name="toy",
    options=ToyOptions,
    build_network=lambda _: Line(),
    batches=Points,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=lambda _, rng: (torch.from_numpy(rng.normal(size=(3, 1)).astype(np.float32)),),
    loop=LoopOptions(steps=20, batch_size=4, warmup=4, save_every=5, picture_every=10, validate_every=10, workers=0),
    data="points of a line, CC0-1.0",
    normalisation="x about 0, standard deviation 1",
    what="a line",
)
