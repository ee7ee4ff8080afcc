"""The discriminators are the published ones."""

from __future__ import annotations

import torch

from hrn_by_seed import golden, network, pictures


def test_same_weights_give_the_published_numbers():
    found = network("discriminator").double()(pictures("discriminator").double())
    network("discriminator").float()
    torch.testing.assert_close(found.float(), golden("discriminator"), atol=1e-6, rtol=1e-5)
