"""The network of 106 landmarks is the published one."""

from __future__ import annotations

import torch

from hrn_by_seed import golden, network, pictures


def test_same_weights_give_the_published_numbers():
    found = network("landmarks").double()(pictures("landmarks").double())
    network("landmarks").float()
    torch.testing.assert_close(found.float(), golden("landmarks"), atol=1e-6, rtol=1e-5)
