"""The network is the published one."""

from __future__ import annotations

import torch

from mvfnet_by_seed import golden, network, views


def test_same_weights_give_the_published_numbers():
    torch.testing.assert_close(network()(views()), golden("answer"), atol=1e-9, rtol=1e-9)
    assert sum(p.numel() for p in network().parameters()) == 8_354_027
    assert network().layer1(views()[:, :3]).shape == (1, 512, 7, 7)


def test_sides_that_change_places_change_their_poses_and_the_shape_alone():
    x = views()
    one, other = network()(x), network()(torch.cat([x[:, :3], x[:, 6:], x[:, 3:6]], 1))
    torch.testing.assert_close(other[:, 235:], one[:, 235:].reshape(1, 2, 7).flip(1).reshape(1, 14))
    torch.testing.assert_close(other[:, 228:235], one[:, 228:235])
    assert one.shape == (1, 249) and not torch.allclose(one[:, :228], other[:, :228])
