"""The head is laid onto a surface."""

import numpy as np
import pytest

from maquette.core.types import Volume
from maquette.morphable import load
from maquette.reconstruction.vrn import solid
from maquette.reconstruction.vrn.fuse import fused
from maquette.reconstruction.vrn.read import FrontPlane
from maquette.reconstruction.vrn.wrap import nearest_crossing, wrap

STILL = FrontPlane(0.0, 0.0, 0.0)


def test_crossings():
    steps = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    logits = np.array([[3, 1, -1, -2, 5], [1, 1, 1, 1, 1], [4, 2, 1, -1, -3], [-1, -1, 2, 3, 4]], float)
    offset, found = nearest_crossing(logits, steps)
    assert found.tolist() == [True, False, True, False]
    assert offset.tolist() == [-0.5, 0.0, 0.5, 0.0]


def test_a_wrong_head_comes_nearer_to_the_surface(scene):
    model = load("maquette-head")
    points = solid.head_points(model, scene.vertices)
    placed = [reading.projection(view, points) for reading, view in zip(scene.readings, scene.views)]
    volume = fused(scene.readings, placed, [STILL, STILL])
    face = model.regions["face"] > 0.8
    wrong = scene.vertices + np.array([0, 0, 0.004], np.float32)  # 4 mm too far in front
    moved = wrong + wrap(model, wrong, volume, 0.001)
    before, after = (np.abs(v[face, 2] - scene.vertices[face, 2]).mean() for v in (wrong, moved))
    assert after < 0.6 * before
    parts = np.isin(np.arange(len(wrong)), [v for p in model.parts if p != "skin" for v in model.part_vertices(p)])
    outside = (model.regions["face"] < 0.3) & ~parts
    assert outside.sum() > 1000 and np.array_equal(moved[outside], wrong[outside])  # ears, scalp and neck stay
    for part in ("eyeLeft", "teeth"):  # what lies inside goes along as a whole
        step = (moved - wrong)[model.part_vertices(part)]
        assert np.ptp(step, axis=0).max() < 1e-6 and step[0, 2] < -0.001


def test_without_a_surface_nothing_moves():
    model = load("maquette-head")
    empty = Volume(np.zeros((4, 4, 4), np.float32), np.diag([0.05, 0.05, 0.05, 1.0]))
    assert not wrap(model, model.mean, empty, 0.001).any()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_field_is_smooth(scene, sign):
    model = load("maquette-head")
    points = solid.head_points(model, scene.vertices)
    volume = fused(
        scene.readings, [r.projection(v, points) for r, v in zip(scene.readings, scene.views)], [STILL, STILL]
    )
    head = scene.vertices * np.float32(1 + sign * 0.02)
    field = wrap(model, head, volume, 0.001)
    edges = np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]]])
    face = (model.regions["face"] > 0.5)[edges].all(axis=1)
    jump = np.linalg.norm(field[edges[:, 0]] - field[edges[:, 1]], axis=1)[face]
    assert np.quantile(jump, 0.99) < 0.0025
