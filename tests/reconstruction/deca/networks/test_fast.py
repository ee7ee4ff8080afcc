"""The fast ways give the modules' numbers."""

from __future__ import annotations

import pytest
import torch

from deca_by_seed import NETWORKS, given, network
from maquette.reconstruction.deca.networks.fast import prepared


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_those_of_the_modules(name):
    x, made = given(name), prepared(network(name))
    found = made(x)
    torch.testing.assert_close(found, network(name)(x), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(made(x[:1]), found[:1], atol=1e-6, rtol=1e-5)
    assert found.is_contiguous()
