"""The fast way gives the module's numbers."""

from __future__ import annotations

import copy

import pytest
import torch

from maquette.reconstruction.deca.temporal.fast import prepared
from temporal_by_seed import clip, encoder


@pytest.mark.parametrize("length", [1, 3])
def test_numbers_are_those_of_the_modules(length):
    network = copy.deepcopy(encoder()).float()
    x = clip(length, 2 if length == 1 else 1).float()
    found = prepared(network)(x)
    wanted = network(x)
    assert wanted.std(0).max() > 1e-5 or length == 1
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-5)
