"""Styles that are drawn, read and mixed, and pictures in them."""

from __future__ import annotations

import numpy as np
import torch

from maquette.imaging.translate.starganv2.sampling import (
    between,
    latent_styles,
    reference_styles,
    to_pixels,
    to_tensor,
    translated,
)
from stargan_by_seed import tiny


def test_pixels_come_back():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    tensor = to_tensor(pixels)
    assert tensor.shape == (2, 3, 4, 5) and tensor.abs().max() <= 1
    assert np.array_equal(to_pixels(tensor), pixels) and to_pixels(3 * torch.ones(1, 3, 1, 1)).max() == 255


def test_styles_are_drawn_by_the_seed_and_truncation_moves_them_to_the_mean():
    def styles(seed: int, psi: float = 1.0, domain: int = 1):
        return latent_styles(tiny(), domain, 3, np.random.default_rng(seed), psi)

    assert torch.equal(styles(4), styles(4)) and not torch.equal(styles(4), styles(5))
    assert not torch.equal(styles(4), styles(4, domain=0))
    mean, half = styles(4, 0.0), styles(4, 0.5)
    assert torch.allclose(mean, mean[:1].expand(3, -1))
    torch.testing.assert_close(half, (mean + styles(4)) / 2)


def test_between_two_styles_it_is_slow_at_both_ends():
    first, second = torch.zeros(6), torch.ones(6)
    rows = between(first, second, 9)[:, 0]
    assert rows[0] == 0 and rows[-1] == 1 and rows[4] == 0.5
    steps = rows.diff()
    assert (steps > 0).all() and steps.argmax() in (3, 4) and steps[0] < 0.01
    assert torch.equal(between(first, second, 2), torch.stack([first, second]))


def test_a_picture_in_several_styles_is_each_of_them():
    picture = to_tensor(np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), np.uint8))
    styles = torch.cat([reference_styles(tiny(), picture, k) for k in range(3)])
    many = translated(tiny(), picture[0], styles)
    assert many.shape == (3, 3, 32, 32) and many.abs().max() <= 1
    assert torch.equal(many[1:2], translated(tiny(), picture[0], styles[1:2]))
