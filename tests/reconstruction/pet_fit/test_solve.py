"""The fit on heads with known truth."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.pets.schemes import SCHEME, SPECIES
from maquette.reconstruction.pet_fit import solve as solve_module
from maquette.reconstruction.pet_fit.method import view_of
from maquette.reconstruction.pet_fit.solve import _System, solve
from maquette.reconstruction.pet_fit.state import Prior, State, eye_distance, first_pose

COUNT = 8


def started(model, views):
    points = model.embeddings[SCHEME].points(model.mean, model.faces).astype(float)
    poses = tuple(first_pose(points, view, np.ones(20)) for view in views)
    return State(model, np.zeros(COUNT), np.zeros((len(views), len(model.expression_names))), poses, Prior.usual(COUNT))


def shape_error(found: np.ndarray, true: np.ndarray, unit: float) -> float:
    return float(np.linalg.norm(found - true, axis=1).mean() / unit)


@pytest.mark.parametrize("species", SPECIES)
def test_the_fit_comes_nearer_to_the_truth_than_the_mean(photographed, pets, species):
    model, generator = pets[species], np.random.default_rng(3)
    identity = np.concatenate([generator.normal(0, 1, 6), np.zeros(COUNT - 6)])
    seen, true, _ = photographed(species, identity, 25, noise=1.0)
    solved = solve(started(model, (view_of(seen),)), (view_of(seen),))
    unit = eye_distance(model)
    found = solved.state.vertices(0)
    assert solved.landmark_error[0] < 0.06 and solved.outline_error[0] < 0.06
    assert shape_error(found, true, unit) < 0.75 * shape_error(model.mean.astype(float), true, unit)


def test_derivatives_are_those_of_differences(photographed, pets, monkeypatch):
    monkeypatch.setattr(solve_module, "HUBER", 1e9)  # its weights change too
    model = pets["cat"]
    seen, _, _ = photographed("cat", np.zeros(COUNT), 20, noise=2.0)
    views = (view_of(seen),)
    state, system = started(model, views), _System(started(model, views), views)
    vertices = state.vertices(0)
    residual, rows = system._landmark_rows(vertices, state, 0)
    for unknown in (0, 5, COUNT, system.count + len(system.units), system.count + system.own - 1):
        step = np.zeros(system.count + system.own)
        step[unknown] = 1e-3
        moved = system.stepped(state, step)
        beside, _ = system._landmark_rows(moved.vertices(0), moved, 0)
        slope = (beside - residual) / 1e-3
        assert np.abs(slope - rows[:, unknown]).max() < 0.01 * np.abs(rows[:, unknown]).max() + 1e-3


def test_two_photos_share_one_head(photographed, pets):
    model, generator = pets["dog"], np.random.default_rng(5)
    identity = np.concatenate([generator.normal(0, 1, 6), np.zeros(COUNT - 6)])
    one, true, _ = photographed("dog", identity, 0, noise=2.0)
    two, _, _ = photographed("dog", identity, 50, noise=2.0, seed=1)
    unit, views = eye_distance(model), (view_of(one), view_of(two))
    alone = solve(started(model, views[:1]), views[:1]).state.vertices(0)
    both = solve(started(model, views), views)
    assert len(both.state.poses) == 2
    assert shape_error(both.state.vertices(0), true, unit) < shape_error(alone, true, unit)
    turned = solve(started(model, views[::-1]), views[::-1]).state.vertices(1)
    assert shape_error(turned, both.state.vertices(0), unit) < 0.02
