"""Optical flow and pictures moved along it: the published modules' numbers."""

from __future__ import annotations

import pytest
import torch

from maquette.reconstruction.deca.temporal.flow import MEAN, SPREAD, SPyNet, warped
from temporal_by_seed import encoder, features, golden


def test_numbers_are_those_of_the_published_network():
    flow = encoder().encoder.spynet
    pair = [((features(2, 3, 96, seed)[:, :, :96, :80] + 1) / 2)[:1] for seed in (1, 2)]
    found = flow(*pair)
    assert found.shape == (1, 2, 96, 80)
    torch.testing.assert_close(found[:, :, ::4, ::4], golden("flow_96_80"), atol=1e-9, rtol=0)


@pytest.mark.parametrize("side", [112, 128])
def test_sizes_of_clips(side):
    pair = [(features(1, 3, side, seed) + 1) / 2 for seed in (3, 4)]
    found = encoder().encoder.spynet(*pair).flatten()[::side]
    torch.testing.assert_close(found, golden(f"flow_{side}"), atol=1e-9, rtol=0)


@pytest.mark.parametrize(("name", "beyond"), [("warped", "zeros"), ("warped_border", "border")])
def test_warping_is_the_published_one(name, beyond):
    found = warped(features(1, 5, 20), 6 * features(1, 2, 20, 31), beyond)
    torch.testing.assert_close(found, golden(name), atol=1e-9, rtol=0)


def test_no_flow_leaves_the_picture():
    picture = features(1, 5, 20)
    torch.testing.assert_close(warped(picture, torch.zeros(1, 2, 20, 20).double()), picture, atol=1e-12, rtol=0)


def test_means_are_those_of_imagenet():
    network = SPyNet()
    assert network.mean.flatten().tolist() == pytest.approx(MEAN) and network.std.flatten().tolist() == pytest.approx(
        SPREAD
    )
