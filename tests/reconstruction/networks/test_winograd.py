"""Winograd's convolution is the plain one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maquette.reconstruction.networks.winograd import WinogradConvolution


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize(("height", "width", "slope"), [(4, 4, None), (12, 8, 0.0), (8, 300, None), (36, 12, 0.1)])
def test_it_is_the_plain_convolution(padding, height, width, slope):
    generator = torch.Generator().manual_seed(3)
    weight, bias = torch.randn(5, 7, 3, 3, generator=generator), torch.randn(5, generator=generator)
    x = torch.randn(2, 7, height, width, generator=generator)
    wanted = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode=padding), weight, bias)
    wanted = wanted if slope is None else functional.leaky_relu(wanted, slope)
    convolution = WinogradConvolution(weight, bias, padding, slope)
    torch.testing.assert_close(convolution(x), wanted, atol=2e-4, rtol=1e-4)
    onto = torch.rand_like(wanted).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(convolution(x, into=onto.clone()), onto + wanted, atol=2e-4, rtol=1e-4)
