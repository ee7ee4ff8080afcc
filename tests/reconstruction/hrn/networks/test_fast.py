"""The fast forms of the networks give the numbers of their modules, on one picture and on several."""

from __future__ import annotations

import pytest
import torch

from hrn_by_seed import NETWORKS, network, pictures
from maquette.reconstruction.hrn.networks.fast import prepared


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_numbers_are_those_of_the_modules(name):
    x = pictures(name)
    run = prepared(network(name), x.shape[-1])
    wanted = network(name)(x)
    for found in (run(x), torch.cat([run(one[None]) for one in x])):
        torch.testing.assert_close(found, wanted, atol=2e-4, rtol=1e-4)


def test_what_is_trained_later_does_not_reach_it():
    x, net = pictures("mid_net", 1), network("mid_net")
    run = prepared(net, 16)
    before, kept = run(x), net.state_dict()["model.10.conv_block.1.weight"].clone()
    try:
        with torch.no_grad():
            net.get_parameter("model.10.conv_block.1.weight").zero_()
        assert torch.equal(run(x), before)
    finally:
        with torch.no_grad():
            net.get_parameter("model.10.conv_block.1.weight").copy_(kept)
