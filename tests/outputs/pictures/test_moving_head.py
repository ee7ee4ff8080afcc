"""A head drawn over its clip lies where it should, and its light is read from the picture."""

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.pictures.film import PANEL, cut, window_camera
from maquette.outputs.pictures.moving_head import MovingHead, frame_view, harmonics

GREY = 120


@pytest.fixture(scope="module")
def drawn(moving_result):
    asset = open_asset(moving_result, OutputOptions(mesh="light"))
    head = MovingHead(asset)
    yield head, moving_result.motion
    head.close()


def test_at_rest_the_vertices_are_the_neutral_heads(drawn):
    head, motion = drawn
    still = head.vertices(0 * motion.expression[0], np.zeros((2, 2)))
    assert np.abs(still - head.asset.neutral).max() < 1e-6


def test_the_head_lies_where_the_camera_sees_it(drawn):
    head, motion = drawn
    view = frame_view(motion, 3)
    points = head.vertices(motion.expression[3], motion.gaze[3])
    box = np.array([120.0, 40, 520, 440])
    near = replace(view, camera=window_camera(view.camera, box))
    plain = np.full((PANEL, PANEL, 3), GREY, np.uint8)
    light = np.zeros((9, 3))
    light[0] = 1 / 0.282095
    shown = head.over(plain, points, head.normals(points), near, light)
    changed = np.argwhere(np.abs(shown.astype(int) - GREY).max(axis=2) > 6)[:, ::-1]
    nose = head.model.embeddings["mediapipe478"].points(points.astype(float), head.asset.mesh.faces)[[4]]
    (at,), _ = project(near.camera, nose)
    low, high = changed.min(axis=0), changed.max(axis=0)
    assert (low < at).all() and (at < high).all() and len(changed) > 2000
    assert cut(np.full((480, 640, 3), GREY, np.uint8), box).shape == (PANEL, PANEL, 3)


def test_light_that_was_put_in_is_read_again(drawn):
    head, motion = drawn
    view = frame_view(motion, 0)
    points = head.vertices(motion.expression[0], motion.gaze[0])
    light = np.zeros((9, 3))
    light[0], light[3] = 0.8 / 0.282095, 0.3
    dark = np.zeros((480, 640, 3), np.uint8)
    big = replace(view.camera, size=(640, 480))
    picture = head.over(dark, points, head.normals(points), replace(view, camera=big), light)
    found = head.light(picture, points, head.normals(points), view)
    assert found[3, 1] > 0.1 and abs(found[0, 1] * 0.282095 - 0.8) < 0.35, "from its left, as bright"


def test_harmonics_are_orthonormal_on_the_sphere():
    around = np.random.default_rng(0).normal(size=(60_000, 3))
    basis = harmonics(around / np.linalg.norm(around, axis=1, keepdims=True))
    assert np.abs(4 * np.pi * basis.T @ basis / len(basis) - np.eye(9)).max() < 0.05
