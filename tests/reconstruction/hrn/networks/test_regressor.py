"""The regressor of coefficients is the published one."""

from __future__ import annotations

import torch

from hrn_by_seed import golden, network, pictures
from maquette.reconstruction.hrn.networks.regressor import ReconNet


def test_same_weights_give_the_published_numbers():
    found = network("net_recon").double()(pictures("net_recon").double())
    network("net_recon").float()
    torch.testing.assert_close(found.float(), golden("net_recon"), atol=1e-6, rtol=1e-5)


def test_an_untrained_network_reads_the_mean_face():
    assert not ReconNet().eval()(torch.rand(1, 3, 64, 64)).any()
