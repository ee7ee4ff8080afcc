"""The network that undoes retouching is the published one."""

from __future__ import annotations

import pytest
import torch

from hrn_by_seed import golden, network, pictures


def test_same_weights_give_the_published_numbers():
    found = network("retouching").double()(pictures("retouching").double())
    network("retouching").float()
    torch.testing.assert_close(found.float(), golden("retouching"), atol=1e-6, rtol=1e-5)


def test_sides_it_cannot_halve_are_refused():
    with pytest.raises(ValueError, match="multiples of 16"):
        network("retouching")(torch.zeros(1, 3, 24, 24))
