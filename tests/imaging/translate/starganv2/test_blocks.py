"""The blocks: slow twins of the normalisation and of the filter."""

from __future__ import annotations

import torch

from maquette.imaging.translate.starganv2.blocks import HighPass, StyledBlock, StyledNorm
from stargan_by_seed import uniform


def test_a_style_scales_and_shifts_each_channel():
    norm, x, style = StyledNorm(3, 4).double(), uniform(1, 2, 3, 5, 6), uniform(2, 2, 4)
    found, wanted = norm(x, style), norm.fc(style)
    for n in range(2):
        for c in range(3):
            channel = x[n, c]
            plain = (channel - channel.mean()) / (channel.var(unbiased=False) + 1e-5).sqrt()
            torch.testing.assert_close(found[n, c], (1 + wanted[n, c]) * plain + wanted[n, 3 + c])


def test_a_block_without_a_second_way_keeps_its_kernel():
    alone, both = (StyledBlock(2, 3, 4, alone=flag).double() for flag in (True, False))
    both.load_state_dict(alone.state_dict())
    x, style = uniform(1, 1, 2, 4, 4), uniform(2, 1, 4)
    beside = alone.conv1x1(x)
    torch.testing.assert_close(both(x, style), (alone(x, style) + beside) * 0.5**0.5)


def test_what_is_flat_has_no_high_frequencies():
    flat = torch.full((1, 2, 5, 5), 3.0)
    found = HighPass(2.0)(flat)
    assert not found[:, :, 1:-1, 1:-1].any() and found[0, 0, 0, 0] == 3 * (8 - 3) / 2
