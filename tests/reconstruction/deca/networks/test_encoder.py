"""The encoders are the published ones."""

from __future__ import annotations

import pytest
import torch

from deca_by_seed import given, golden, network


@pytest.mark.parametrize("name", ["E_flame", "E_detail"])
def test_same_weights_give_the_published_numbers(name):
    found = network(name)(given(name)[:1])
    torch.testing.assert_close(found, golden(name)[:1], atol=1e-6, rtol=1e-5)
