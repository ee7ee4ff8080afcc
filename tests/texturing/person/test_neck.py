"""One texture for two: uvs still show the same colours, light is matched, colours fade up the neck."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.person import neck


def picture(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_uvs_show_the_same_texels_side_by_side():
    pictures = picture(0, 64, 64), picture(1, 32, 32), picture(2, 8, 20)
    whole, maps = neck.beside(*pictures)
    for one, (scale, shift) in zip(pictures, maps):
        height, width = one.shape[:2]
        uv = np.array([5.5 / width, 1 - 3.5 / height]) * scale + shift
        column, row = int(uv[0] * whole.shape[1]), int((1 - uv[1]) * whole.shape[0])
        assert np.array_equal(whole[row, column], one[3, 5])


def test_light_is_multiplied_in_linear_light():
    one = picture(0, 16, 16)
    assert np.array_equal(neck.matched(one, np.ones(3)), one)
    grey = np.full((4, 4, 3), 128, np.uint8)
    lit = neck.matched(grey, np.array([0.5, 1.0, 2.0]))[0, 0].astype(int)
    assert lit == pytest.approx([92, 128, 175], abs=1)


def test_steps_at_vertices_are_spread_over_their_triangles():
    uvs = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]])
    plain = np.full((64, 64, 3), 100, np.uint8)
    out = neck.faded(plain, uvs, np.array([[0, 1, 2]]), np.array([[30.0] * 3, [0.0] * 3, [0.0] * 3])).astype(int)
    assert out[57, 7, 0] == pytest.approx(129, abs=2) and out[35, 28, 0] == pytest.approx(110, abs=8)
    assert out[5, 60, 0] == 100
    assert neck.faded(plain, uvs, np.array([[0, 1, 2]]), np.zeros((3, 3))) is plain


def test_a_neck_takes_the_skin_of_the_body_but_not_its_collar():
    angle = np.linspace(-np.pi, np.pi, 64, endpoint=False)
    own, at = np.full((64, 3), 150.0), np.zeros(3)
    up = np.array([0.0, 0.03, 0.1])
    skin = neck.rim_offsets(own, own + 15, angle, angle, at, up)
    assert skin[0] == pytest.approx([13.4] * 3, abs=0.5) and 0 < skin[1, 0] < skin[0, 0] and skin[2, 0] == 0
    cloth = neck.rim_offsets(own, own - 130, angle, angle, at, up)
    assert np.abs(cloth).max() < 1
