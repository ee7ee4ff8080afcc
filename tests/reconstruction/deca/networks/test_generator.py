"""The generator of displacements is the published one."""

from __future__ import annotations

import torch
from torch import nn

from deca_by_seed import given, golden, network, some
from maquette.reconstruction.deca.networks.generator import DetailGenerator


def test_same_weights_give_the_published_numbers():
    found = network("D_detail")(given("D_detail"))
    assert found.shape == (2, 1, 256, 256) and found.abs().max() <= 0.01
    torch.testing.assert_close(some(found), golden("D_detail"), atol=1e-7, rtol=1e-5)


def test_the_published_epsilon_matters():
    other = DetailGenerator()
    other.load_state_dict(network("D_detail").state_dict())
    for part in other.conv_blocks:
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 1e-5
    found = some(other.eval()(given("D_detail")))
    assert (found - golden("D_detail")).abs().max() > 1e-3


def test_its_reach_is_a_factor():
    other = DetailGenerator(0.001)
    other.load_state_dict(network("D_detail").state_dict())
    found = other.eval()(given("D_detail"))
    torch.testing.assert_close(10 * found, network("D_detail")(given("D_detail")), atol=1e-7, rtol=1e-5)
