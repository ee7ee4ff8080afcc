"""Persons from head to foot: front and back on one grid, points on the side they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.camera import project
from maquette.geometry.raycast import RayCaster, render_buffers
from maquette.synthesis.scenes.person_sample import from_behind, photograph_person

pytestmark = pytest.mark.usefixtures("body_arrays")
SIZE = 128


@pytest.fixture(scope="module")
def sample():
    return photograph_person((0, 0, 3), SIZE)


def test_the_same_seed_gives_the_same_bytes(sample):
    again = photograph_person((0, 0, 3), SIZE)
    for name in ("image", "kind", "depth", "normals", "back_normals", "points", "inside"):
        assert getattr(again, name).tobytes() == getattr(sample, name).tobytes(), name


def test_the_camera_behind_sees_the_mirror_image(sample):
    points = np.random.default_rng(0).normal(size=(50, 3))
    (front, near), (back, far) = (project(c, points) for c in (sample.camera, from_behind(sample.camera)))
    assert np.allclose(back[:, 0], SIZE - front[:, 0]) and np.allclose(back[:, 1], front[:, 1])
    assert np.allclose(near + far, 12.0)


def test_front_and_back_share_one_outline(sample):
    front, back = np.isfinite(sample.depth), np.isfinite(sample.back_depth)
    both = front & back
    assert both.sum() > 0.98 * (front | back).sum() and np.array_equal(front, sample.kind > 0)
    assert (sample.back_depth[both] > sample.depth[both] - 1e-3).all()
    assert np.array_equal(sample.back_normals.any(axis=2), back) and np.array_equal(sample.normals.any(axis=2), front)
    towards = sample.camera.world_to_camera[2, :3]
    assert ((sample.normals[front] @ towards) < 0.2).mean() > 0.99
    assert ((sample.back_normals[back] @ towards) > -0.2).mean() > 0.99


def test_depth_is_that_of_rays(sample):
    face, _, depth = render_buffers(sample.camera, sample.scene.vertices, sample.scene.faces)
    both = (face >= 0) & np.isfinite(sample.depth)
    assert both.sum() > 0.98 * (face >= 0).sum()
    assert np.median(np.abs(depth[both] - sample.depth[both])) < 1e-3


def test_points_on_a_ray_that_meets_nothing_are_outside(sample):
    vertices, faces = sample.scene.vertices, sample.scene.faces
    away = np.tile([0.0, 0.6, 0.8], (len(sample.points), 1))
    free = RayCaster(vertices, faces).first_hits(sample.points.astype(float), away)[0] < 0
    assert not sample.inside[free].any() and sample.inside[~free].any()


def test_everybody_is_in_the_picture(sample):
    pixels, _ = project(sample.camera, sample.scene.vertices.astype(float))
    assert (pixels > 0).all() and (pixels < SIZE).all()
    high = (pixels.max(axis=0) - pixels.min(axis=0)).max()
    assert 0.79 * SIZE < high < 0.95 * SIZE
    assert sample.keypoints["coco17"].shape == (17, 3)
