"""What the numbers mean: the published poses, and pixels of points."""

from __future__ import annotations

import torch

from maquette.reconstruction.mvfnet.decode import coefficients, pose
from mvfnet_by_seed import answers, golden


def test_poses_are_the_published_ones():
    found = pose(answers())
    for name in ("rotation", "shift", "scale"):
        torch.testing.assert_close(getattr(found, name), golden(name), atol=1e-9, rtol=1e-9)
    turned = found.rotation @ found.rotation.transpose(2, 3)
    torch.testing.assert_close(turned, torch.eye(3).double().expand_as(turned))


def test_no_pose_looks_straight_at_the_middle():
    found = pose(torch.zeros(1, 249))
    assert torch.equal(found.rotation, torch.eye(3).expand(1, 3, 3, 3)) and (found.shift == 112).all()
    answer = torch.zeros(1, 249)
    answer[:, [234, 241, 248]] = 1  # scale: 224 pixels for 360,000 units
    pixels = pose(answer).project(torch.tensor([[[0.0, 0, 5], [90_000, 90_000, 0]]]))
    torch.testing.assert_close(pixels, torch.tensor([[112.0, 112], [168, 56]]).expand(1, 3, 2, 2))


def test_coefficients_are_scaled_by_the_models_deviations():
    shape, expression = coefficients(answers(), torch.full((199,), 2.0), torch.full((29,), 0.004))
    torch.testing.assert_close(shape, 2 * answers()[:, :199])
    torch.testing.assert_close(expression, answers()[:, 199:228] / 4, rtol=1e-6, atol=0)
