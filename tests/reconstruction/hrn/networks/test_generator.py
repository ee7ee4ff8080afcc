"""The generators of deformation and displacement are the published ones."""

from __future__ import annotations

import pytest
import torch

from hrn_by_seed import golden, network, pictures


@pytest.mark.parametrize("name", ["mid_net", "high_net"])
def test_same_weights_give_the_published_numbers(name):
    found = network(name).double()(pictures(name).double())
    network(name).float()
    torch.testing.assert_close(found.float(), golden(name), atol=1e-6, rtol=1e-5)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="6, H, W"):
        network("mid_net")(torch.zeros(1, 9, 16, 16))
