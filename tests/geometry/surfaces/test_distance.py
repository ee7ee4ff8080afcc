"""Distances from closed surfaces, and which side points are on."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.surfaces.distance import DistanceGrid, surface_distance, winding, winding_ahead

BALL = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
POINTS = np.random.default_rng(0).uniform(-0.95, 0.95, (4000, 3))


def test_distance_of_a_ball():
    found = surface_distance(BALL.vertices, BALL.faces, POINTS, 0.3)
    true = np.minimum(np.abs(np.linalg.norm(POINTS, axis=1) - 0.5), 0.3)
    assert np.abs(found - true).max() < 0.006 and np.abs(found - true).mean() < 0.001


def test_two_ways_to_find_the_inside_agree():
    moved = np.concatenate([BALL.vertices, BALL.vertices * 0.6 + [0.3, 0.1, 0]])
    faces = np.concatenate([BALL.faces, BALL.faces + len(BALL.vertices)])
    rays = winding(moved, faces, POINTS)
    assert np.array_equal(rays, winding_ahead(moved, faces, POINTS)) and set(rays) == {0, 1, 2}


def test_a_grid_tells_signed_distances_between_its_nodes():
    grid = DistanceGrid.of(BALL.vertices, BALL.faces, 0.2)
    true = np.clip(np.linalg.norm(POINTS, axis=1) - 0.5, -0.2, 0.2)
    assert np.abs(grid(POINTS) - true).max() < 0.02
    assert grid(np.array([[5.0, 0, 0]]))[0] == pytest.approx(0.2), "outside the cube: that of its nearest point"


def test_a_ball_joined_to_a_grid_is_the_nearer_of_both():
    grid = DistanceGrid.of(BALL.vertices, BALL.faces, 0.2).with_ball(np.array([0.6, 0, 0]), 0.3)
    apart = np.minimum(np.linalg.norm(POINTS, axis=1) - 0.5, np.linalg.norm(POINTS - [0.6, 0, 0], axis=1) - 0.3)
    assert np.abs(grid(POINTS) - np.clip(apart, -0.2, 0.2))[apart > -0.15].max() < 0.02
