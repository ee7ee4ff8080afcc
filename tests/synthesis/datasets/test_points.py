"""The points that the surface is learned from: reference, acceptance check 11."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

import dolls
from maquette.geometry.surfaces.distance import winding, winding_ahead
from maquette.synthesis.datasets.person_examples import POINTS, SPREADS_M, UNIFORM, _draw_points

NEAR = POINTS - UNIFORM


class Unshuffled:
    """A generator whose permutations leave all in its place, so that a test knows which point is which."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __getattr__(self, name):
        return getattr(self.rng, name)

    def permutation(self, count):
        return np.arange(count)


@pytest.fixture(scope="module")
def ball():
    return trimesh.creation.icosphere(subdivisions=5, radius=0.6)


def test_sixteen_near_the_surface_to_one_anywhere(ball):
    assert NEAR / UNIFORM == 16
    points = _draw_points(np.array(ball.vertices), ball.faces, 1.0, Unshuffled(0)).astype(float)
    assert points.shape == (POINTS, 3) and np.abs(points).max() <= 1
    assert (np.abs(np.linalg.norm(points[:NEAR], axis=1) - 0.6) < 0.25).all()
    anywhere = points[NEAR:]
    assert np.abs(anywhere.mean(axis=0)).max() < 0.1 and anywhere.std() == pytest.approx(1 / 3**0.5, rel=0.05)
    mixed = _draw_points(np.array(ball.vertices), ball.faces, 1.0, np.random.default_rng(0)).astype(float)
    off = np.abs(np.linalg.norm(mixed, axis=1) - 0.6)
    assert abs((off[:NEAR] > 0.3).mean() - (off[NEAR:] > 0.3).mean()) < 0.03, "a batch may take any of them"


@pytest.mark.parametrize("half", [0.9, 1.4])
def test_their_spread_is_what_was_asked(ball, half):
    vertices = np.array(ball.vertices)
    drawn = [_draw_points(vertices, ball.faces, half, Unshuffled(seed))[:NEAR].astype(float) for seed in range(12)]
    off = np.linalg.norm(np.stack(drawn), axis=2) - 0.6
    for first, spread in enumerate(SPREADS_M):
        assert off[:, first::2].std() * half == pytest.approx(spread, rel=0.02)


def test_labels_are_those_of_rays():
    vertices, faces = dolls.body(1)
    points = _draw_points(dolls.dressed(vertices, faces), faces, 1.2, np.random.default_rng(3)).astype(float)
    ahead, rays = (count(vertices, faces, points) > 0 for count in (winding_ahead, winding))
    assert 0.05 < rays.mean() < 0.5 and (ahead == rays).mean() > 0.999
