"""Light: the measured places turn as directions do, and have the level that cameras expose for."""

import numpy as np
import pytest
import torch

from maquette.synthesis.rendering.light import (
    COSINE_LOBE,
    draw_light,
    draw_place,
    load_places,
    turned,
    turned_harmonics,
)
from maquette.synthesis.rendering.shade import harmonics


def radiance(environment: np.ndarray, directions: np.ndarray) -> np.ndarray:
    return harmonics(torch.as_tensor(directions.T)).numpy().T @ environment


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.1, -1.3])
def test_harmonics_turn_as_directions_do(angle):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    environment = rng.normal(size=(9, 3))
    there = np.array([turned(direction, angle) for direction in directions], float)
    before, after = radiance(environment, directions), radiance(turned_harmonics(environment, angle), there)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_places_are_eighteen_and_lit_to_one_level():
    places = load_places()
    assert places["environment"].shape == (18, 9, 3)
    np.testing.assert_allclose(np.linalg.norm(places["towards"], axis=1), 1, atol=1e-5)
    assert (places["colors"] >= 0).all()
    mean_wall = places["environment"][:, 0] * 0.282095 + places["colors"] / 4
    np.testing.assert_allclose(mean_wall @ [0.2126, 0.7152, 0.0722], 1, atol=1e-4)
    # Light comes from above in most places, as the sun, the sky and ceilings do.
    assert (places["environment"][:, 1].mean(axis=1) + places["towards"][:, 1] > 0).sum() >= 15


def test_no_place_is_dark_from_any_side():
    directions = np.random.default_rng(1).normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for environment in load_places()["environment"]:
        irradiance = radiance(COSINE_LOBE[:, None] * environment, directions)
        assert irradiance.mean() > 0.1 and irradiance.min() > -0.3 * irradiance.max()  # three bands ring


def test_same_seed_same_light():
    one, two = (draw_light(np.random.default_rng(5), np.array([0.0, 0.0, 1.0])) for _ in range(2))
    np.testing.assert_array_equal(one.environment, two.environment)
    assert draw_place(np.random.default_rng(3)).towards.shape == (1, 3)
