"""Examples of persons: labels, maps and the fitted body agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.geometry.rendering.sides import sides
from maquette.geometry.surfaces.distance import winding, winding_ahead
from maquette.synthesis.datasets.fitted_body import fit
from maquette.synthesis.datasets.person_examples import FARTHEST, POINTS, draw_example
from maquette.synthesis.scenes.person_sample import draw_axes
from maquette.synthesis.scenes.person_scene import draw_person_scene

pytestmark = pytest.mark.usefixtures("body_arrays")
SIZE = 96


@pytest.fixture(scope="module")
def examples():
    return [draw_example((3, 0, k), SIZE) for k in range(3)]


@pytest.fixture(scope="module")
def scene():
    return draw_person_scene(np.random.default_rng(11), "walk")


def test_columns_have_their_shapes(examples):
    for e in examples:
        assert e["image"].shape == (SIZE, SIZE, 3) and e["image"].dtype == np.uint8
        for side in ("front", "back"):
            for name in (f"normals_{side}", f"body_normals_{side}"):
                assert e[name].shape == (SIZE, SIZE, 3) and e[name].dtype == np.int8
                length = np.linalg.norm(e[name].astype(float), axis=2)
                assert (np.abs(length[length > 0] - 127) < 2).all()
        assert e["points"].shape == (POINTS, 3) and np.abs(e["points"]).max() <= 1
        assert set(np.unique(e["inside"])) == {0, 1} and 0.2 < e["inside"].mean() < 0.7


def test_points_lie_on_the_side_of_the_maps_that_their_label_says(examples):
    for e in examples:
        points = e["points"].astype(float)
        column, row = ((points[:, 0] + 1) * SIZE / 2).astype(int), ((1 - points[:, 1]) * SIZE / 2).astype(int)
        column, row = np.clip(column, 0, SIZE - 1), np.clip(row, 0, SIZE - 1)
        seen = e["mask"][row, column] > 0
        front, back = (e[f"depth_{s}"][row, column].astype(float) for s in ("front", "back"))
        outside = seen & ((points[:, 2] > front + 0.05) | (points[:, 2] < back - 0.05))
        assert e["inside"][outside].mean() < 0.05


def test_front_lies_before_back_and_normals_face_their_viewers(examples):
    for e in examples:
        both = e["normals_front"].any(axis=2) & e["normals_back"].any(axis=2)
        assert both.sum() > 0.93 * (e["mask"] > 0).sum()
        assert (e["depth_front"][both] > e["depth_back"][both] - 0.03).mean() > 0.98
        assert (e["normals_front"][both][:, 2] > -20).mean() > 0.98 and (
            e["normals_back"][both][:, 2] < 20
        ).mean() > 0.98


def test_distances_are_those_to_the_fitted_body(examples):
    for e in examples:
        points, distance = e["points"].astype(float), e["distance"].astype(float)
        assert np.abs(distance).max() <= FARTHEST + 1e-4
        nearest = cKDTree(e["body_vertices"].astype(float)).query(points)[0]
        assert (np.abs(distance) < nearest + 6e-3).mean() > 0.998 and (distance < 0).any()


def test_a_true_fit_lies_inside_and_others_near(scene):
    axes = draw_axes(np.random.default_rng(0))[0]
    fits = [fit(scene, axes, np.random.default_rng(k)) for k in range(12)]
    assert {f.exact for f in fits} == {True, False}
    true = next(f for f in fits if f.exact)
    assert winding(scene.vertices, scene.faces, true.vertices[::50].astype(float)).mean() > 0.6
    for f in fits:
        off = np.linalg.norm(f.vertices - true.vertices, axis=1).mean()
        assert off < 1e-6 if f.exact else 0.005 < off < 0.15


def test_winding_ahead_agrees_with_rays(scene):
    rng = np.random.default_rng(0)
    points = scene.vertices[rng.integers(len(scene.vertices), size=500)] + 0.03 * rng.normal(size=(500, 3))
    points = np.clip(points, -0.99, 0.99)
    found = winding_ahead(scene.vertices.astype(float), scene.faces, points)
    assert np.array_equal(found, winding(scene.vertices, scene.faces, points))


def test_a_ball_is_seen_from_both_sides():
    from maquette.synthesis.solids import rounded_box

    solid = rounded_box(np.array([0.1, 0, 0.2]), np.full(3, 0.5))
    seen = sides(solid.vertices, solid.faces, 64)
    row, column = 32, 35
    assert abs(float(seen["depth_front"][row, column]) - 0.7) < 0.02
    assert abs(float(seen["depth_back"][row, column]) + 0.3) < 0.02
    assert seen["normals_front"][row, column, 2] > 120 and seen["normals_back"][row, column, 2] < -120
