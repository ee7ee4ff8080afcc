"""Sharing a pixel column's part of the perceptrons, at the published sizes, against plain lists of weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.geometry.surfaces.lattice import axis
from maquette.geometry.surfaces.octree import FastGrid, fast_grid
from maquette.reconstruction.pifuhd.field import Field
from maquette.reconstruction.pifuhd.mlp import ColumnMLP, PointMLP, PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures

COARSE = PointSize()
FINE = PointSize((272, 512, 256, 128, 1), (1, 2), -1)
SMALL = PointSize((35, 24, 16, 8, 1), (1, 3), 1)  # 32 channels of the picture, depth and two of a body
PUBLISHED_MACS = {"coarse": 257 * 1024 + 1024 * 512 + 769 * 256 + 513 * 128 + 385, "fine": 407_680}


def seeded(size: PointSize) -> tuple[PointMLP, list[tuple[np.ndarray, np.ndarray]]]:
    """A perceptron near unit gain, and its weights (out, in) and biases as float64."""
    generator = torch.Generator().manual_seed(7)
    network = PointMLP(size).requires_grad_(False)
    for value in network.parameters():
        spread = (6 / value.shape[1]) ** 0.5 if value.ndim > 1 else 0.1
        value.copy_((2 * torch.rand(value.shape, generator=generator) - 1) * spread)
    return network, [(f.weight[..., 0].double().numpy(), f.bias.double().numpy()) for f in network.filters]


def slow(weights: list, skips: tuple[int, ...], x: np.ndarray, last: int) -> np.ndarray:
    """Twin: every point on its own, in float64."""
    value = x
    for k in range(last + 1):
        weight, bias = weights[k]
        value = (np.concatenate([value, x], axis=1) if k in skips else value) @ weight.T + bias
        value = value if k == len(weights) - 1 else np.where(value > 0, value, 0.01 * value)
    return value


@pytest.mark.parametrize(
    "size,shared,last",
    [(COARSE, 256, 2), (COARSE, 256, 4), (FINE, 16, 3), (SMALL, 32, 3), (SMALL, 32, 1), (SMALL, 0, 3), (SMALL, 34, 0)],
)
def test_shared_columns_change_nothing(size, shared, last):
    network, weights = seeded(size)
    generator = np.random.default_rng(1)
    columns = generator.normal(size=(7, shared)).astype(np.float32)
    own = generator.normal(size=(300, size.widths[0] - shared)).astype(np.float32)
    index = generator.integers(0, 7, 300)
    part = ColumnMLP(network, shared, last)
    found = part(part.shares(torch.from_numpy(columns)), torch.from_numpy(index), torch.from_numpy(own)).numpy()
    wanted = slow(weights, size.skips, np.concatenate([columns[index], own], axis=1).astype(float), last)
    assert found.shape == wanted.shape and wanted.std() > 0.1
    if last == len(weights) - 1:  # as occupancies
        found, wanted = 1 / (1 + np.exp(-found.astype(float))), 1 / (1 + np.exp(-wanted))
    assert np.abs(found - wanted).max() <= 1e-6 * max(1, np.abs(wanted).max())


def test_layers_behind_the_last_are_not_there():
    network, _ = seeded(COARSE)
    part = ColumnMLP(network, 256, COARSE.merge)
    assert len(part.splits) == COARSE.merge + 1


def test_a_point_costs_over_a_quarter_less():
    """Section 5.4 of the specification: 1,049,984 products instead of 1,458,049; a column costs 342,016."""
    coarse = ColumnMLP(seeded(COARSE)[0], 256, 2)
    fine = ColumnMLP(seeded(FINE)[0], 16, 3)
    splits = [*coarse.splits, *fine.splits]
    point = sum(weight.numel() for s in splits for weight in (s.inner, s.own) if weight is not None)
    column = sum(s.column.numel() for s in splits if s.column is not None)
    assert point == 1_049_984 and column == 342_016
    assert sum(PUBLISHED_MACS.values()) == 1_458_049


def test_the_surface_is_the_same_with_and_without_columns():
    with torch.device("meta"):
        network = PIFuHD()
    network.netG.mlp, network.mlp = seeded(COARSE)[0], seeded(FINE)[0]
    generator = torch.Generator().manual_seed(2)
    smooth = [
        torch.nn.functional.interpolate(torch.randn(1, c, 5, 5, generator=generator), size=(n, n), mode="bicubic")
        for c, n in ((256, 32), (16, 64))
    ]
    features = PIFuHDFeatures(*smooth, torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    plain, shared = Field(network, features, columns=False), Field(network, features)
    at = axis(16)
    points = np.stack(np.meshgrid(at, at, at, indexing="ij"), axis=-1).reshape(-1, 3)
    level = float(np.median(plain(points)))
    grids = [fast_grid(field, 32, FastGrid(level=level, start=16)) for field in (plain, shared)]
    assert grids[0].values.shape == grids[1].values.shape and grids[0].evaluations > 5000
    assert np.abs(grids[0].values - grids[1].values).max() <= 1e-6
