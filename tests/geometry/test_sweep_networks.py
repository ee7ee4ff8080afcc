"""MVSNet's networks: published sizes, shapes, and depth that nothing changes."""

from __future__ import annotations

import torch

from maquette.geometry.sweep_networks import SweepRefinement, SweepRegularizer, sweep_features


def test_they_have_the_published_sizes():
    networks = sweep_features(), SweepRegularizer(), SweepRefinement()
    assert [sum(p.numel() for p in net.parameters()) for net in networks] == [40_120, 298_009, 20_066]


def test_a_photo_becomes_features_and_a_volume_a_cost():
    generator = torch.Generator().manual_seed(0)
    assert sweep_features().eval()(torch.rand(2, 3, 32, 48, generator=generator)).shape == (2, 32, 8, 12)
    cost = SweepRegularizer().eval()(torch.rand(1, 32, 8, 16, 24, generator=generator))
    assert cost.shape == (1, 8, 16, 24) and cost.std() > 0


def test_refinement_adds_to_the_depth_in_its_own_span():
    network, photo = SweepRefinement().eval(), torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    depth = torch.full((1, 1, 8, 8), 2.0)
    small, large = network(photo, depth, (1.0, 3.0)) - depth, network(photo, 10 * depth, (10.0, 30.0)) - 10 * depth
    torch.testing.assert_close(large, 10 * small, atol=1e-4, rtol=1e-4)
