"""Colours carried on over a surface."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency
from maquette.texturing.projection import PointColours
from maquette.texturing.surface_fill import DEFAULT_SKIN, STIFFNESS, along_view, fill_evenly, membrane_over


@pytest.fixture(scope="module")
def ball() -> Mesh:
    solid = trimesh.creation.icosphere(3, 0.1)
    return Mesh(solid.vertices.astype(np.float32), solid.faces.astype(np.int32))


def test_the_membrane_is_the_least_squares_solution(ball):
    rng = np.random.default_rng(0)
    links = adjacency(ball.faces, len(ball.vertices)).astype(float)
    weight = np.where(rng.random(len(ball.vertices)) < 0.2, rng.uniform(0.2, 1, len(ball.vertices)), 0)
    values = rng.uniform(0, 255, (len(weight), 2))
    found = membrane_over(links, values * weight[:, None], weight)
    degree = np.asarray(links.sum(axis=1)).ravel()
    exact = np.linalg.solve(
        np.diag(weight + STIFFNESS * degree) - STIFFNESS * links.toarray(), values * weight[:, None]
    )
    assert np.abs(found - exact).max() < 1.0


def test_what_nothing_ties_to_anything_known_takes_the_mean(ball):
    count = len(ball.vertices)
    faces = np.vstack([ball.faces, ball.faces + count])
    links = adjacency(faces, 2 * count).astype(float)
    weight = np.concatenate([np.ones(count), np.zeros(count)])
    found = membrane_over(links, np.full((2 * count, 1), 80.0) * weight[:, None], weight)
    assert np.abs(found - 80).max() < 1


def test_ties_run_along_the_view(ball):
    links = along_view(ball, np.array([[0.0, 0, 1]])).tocoo()
    edge = ball.vertices[links.row].astype(float) - ball.vertices[links.col]
    edge /= np.linalg.norm(edge, axis=1, keepdims=True)
    along = np.abs(edge[:, 2])
    assert links.data[along > 0.95].min() > 20 * links.data[along < 0.3].max()


def test_what_is_seen_stays_and_goes_on(ball):
    seen = (ball.vertices[:, 2] > 0.02).astype(float)
    colours = np.where(ball.vertices[:, :1] > 0, [200.0, 40, 40], [40.0, 40, 200])
    nothing = PointColours(colours, 0 * seen)
    found = fill_evenly(ball, np.array([[0.0, 0, 1]]), PointColours(colours, seen), nothing)
    far = np.abs(ball.vertices[:, 0]) > 0.03
    assert np.abs(found.colours - colours)[(seen > 0) & far].max() < 40
    hidden = (seen == 0) & far & (ball.vertices[:, 2] > -0.05)
    assert (np.abs(found.colours - colours)[hidden].max(axis=1) < 90).mean() > 0.9 and not found.guessed.any()


def test_nothing_seen_is_skin(ball):
    nothing = PointColours(np.zeros((len(ball.vertices), 3)), np.zeros(len(ball.vertices)))
    assert np.allclose(fill_evenly(ball, np.array([[0.0, 0, 1]]), nothing, nothing).colours, DEFAULT_SKIN)
