"""Ridge regression."""

from __future__ import annotations

import numpy as np

from maquette.training.ridge import PENALTIES, ridge_regression


def drawn(count: int, noise: float):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(12, 3))
    inputs = rng.normal(size=(count, 12)) + 5
    return inputs, inputs @ weights + 2 + noise * rng.normal(size=(count, 3)), weights


def test_what_is_linear_is_found():
    inputs, values, weights = drawn(200, 0.0)
    made = ridge_regression(inputs, values)
    assert made.penalty == PENALTIES[0] and np.abs(made.weights - weights).max() < 1e-3
    assert np.abs(made(inputs) - values).max() < 5e-3


def test_it_is_the_solution_of_the_penalised_equations():
    inputs, values, _ = drawn(60, 1.0)
    made = ridge_regression(inputs, values)
    rows, left = inputs - inputs.mean(axis=0), made(inputs) - values
    penalty = made.penalty * inputs.var(axis=0).mean() * len(rows)
    assert np.abs(rows.T @ left + penalty * made.weights).max() < 1e-8


def test_noise_asks_for_a_greater_penalty_and_groups_are_left_out_whole():
    inputs, values, _ = drawn(40, 0.01)
    noisy = drawn(40, 20.0)[1]
    assert ridge_regression(inputs, noisy).penalty > ridge_regression(inputs, values).penalty
    # Rows that are there twice foretell each other, unless both are left out.
    twice, same = np.repeat(inputs, 8, axis=0), np.repeat(np.random.default_rng(1).normal(size=(40, 3)), 8, axis=0)
    groups = np.repeat(np.arange(40), 8)
    assert ridge_regression(twice, same, groups).error > 1.1 * ridge_regression(twice, same).error
