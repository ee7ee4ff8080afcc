"""Winograd's convolution is the plain one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maquette.reconstruction.hrn.networks.winograd import WinogradConvolution


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize(("height", "width", "relu"), [(4, 4, False), (12, 8, True), (8, 300, False)])
def test_it_is_the_plain_convolution(padding, height, width, relu):
    generator = torch.Generator().manual_seed(3)
    weight, bias = torch.randn(5, 7, 3, 3, generator=generator), torch.randn(5, generator=generator)
    x = torch.randn(2, 7, height, width, generator=generator)
    wanted = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode=padding), weight, bias)
    found = WinogradConvolution(weight, bias, padding, relu)(x)
    torch.testing.assert_close(found, wanted.relu() if relu else wanted, atol=2e-4, rtol=1e-4)
