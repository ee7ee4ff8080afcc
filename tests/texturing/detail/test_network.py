"""From what a photo shows to heights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.texturing.detail.network import (
    MIDDLE_M,
    PLANES,
    UNIT_M,
    FoldNet,
    guessed,
    mirrored_planes,
    planes_of,
)

RNG = np.random.default_rng(0)


def some_planes(height: int = 40, width: int = 36) -> np.ndarray:
    slow = np.stack([np.zeros((height // 4, width // 4))] * 4 + [np.full((height // 4, width // 4), MIDDLE_M)])
    return planes_of(
        RNG.normal(size=(height, width)),
        RNG.normal(size=(height, width, 2)),
        np.ones((height, width), np.float32),
        slow,
        RNG.normal(size=(6, height, width)).astype(np.float32),
    )


def test_planes_are_as_many_as_the_network_wants_and_a_middling_pixel_is_zero():
    planes = some_planes()
    assert planes.shape == (PLANES, 40, 36) and planes.dtype == np.float32
    assert np.abs(planes[8]).max() == 0 and np.abs(planes[:3]).max() <= 1


def test_what_is_not_seen_says_nothing():
    planes = planes_of(
        np.ones((16, 16)),
        np.ones((16, 16, 2)),
        np.zeros((16, 16), np.float32),
        np.ones((5, 16, 16)),
        np.zeros((6, 16, 16)),
    )
    assert (planes[:4] == 0).all()


def test_a_mirror_twice_is_none():
    planes = some_planes()
    assert np.array_equal(mirrored_planes(mirrored_planes(planes)), planes)
    assert np.array_equal(mirrored_planes(planes)[7], -planes[7, :, ::-1])


def test_an_untaught_network_sees_no_folds_and_any_size_will_do():
    height, scale = guessed(FoldNet().eval(), some_planes(44, 36))
    assert height.shape == scale.shape == (44, 36)
    assert (height == 0).all() and scale == pytest.approx(UNIT_M)


def test_it_is_small():
    assert sum(p.numel() for p in FoldNet().parameters()) * 2 < 8e6
    assert FoldNet().eval()(torch.zeros(1, PLANES, 16, 16)).shape == (1, 2, 16, 16)
