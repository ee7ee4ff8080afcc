"""Luma through a network on a whole picture: tiles, reach, colours, rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.imaging.upscale import luma
from maquette.imaging.upscale.espcn import ESPCN
from maquette.imaging.upscale.srcnn import SRCNN

from .conftest import drawn, noise


@pytest.mark.parametrize(
    "network", [drawn(ESPCN, 2), drawn(ESPCN, 4, residual=True), drawn(SRCNN, 2), drawn(SRCNN, 4, layout="9-1-5")]
)
def test_where_the_tiles_lie_does_not_matter(network):
    pixels = noise(19, 29, 3)
    whole = luma.enlarged(network, pixels, 10_000).astype(int)
    for side in (20, 44):
        tiled = luma.enlarged(network, pixels, side).astype(int)
        # Sums of floats in another order may fall on the other side of a half.
        assert np.abs(tiled - whole).max() <= 1 and (tiled != whole).mean() < 1e-3


@pytest.mark.parametrize("network", [drawn(ESPCN, 2), drawn(SRCNN, 2), drawn(ESPCN, 4, layout="tanh3")])
def test_a_network_looks_no_further_than_it_says(network):
    plane = torch.rand(1, 1, 31, 31)
    other = plane.clone()
    other[..., 15, 15] += 1
    moved = (network(other) - network(plane)).abs().amax(dim=(0, 1)) > 1e-6
    rows = torch.nonzero(moved.any(dim=1)).flatten() // network.factor
    assert 15 - rows.min() <= network.reach and rows.max() - 15 <= network.reach


class Identity:
    """A network that repeats pixels: what is left is the treatment of colour."""

    factor, reach = 2, 2

    def parameters(self):
        yield torch.zeros(1)

    def __call__(self, plane):
        return plane.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) + 0.9 / 255


def test_colours_survive_and_luma_is_rounded():
    pixels = np.repeat(np.repeat(noise(1, 1, 3), 6, 0), 6, 1)
    gained = luma.enlarged(Identity(), pixels).astype(int) - pixels[0, 0]
    assert (gained[(pixels[0, 0] < 254)[None, None].repeat(12, 0).repeat(12, 1)] == 1).all(), "0.9 is rounded up"
    grey = np.full((6, 6, 3), 100, np.uint8)
    assert (luma.enlarged_as_published(Identity(), grey) == 100).all(), "0.9 is cut off"


def test_the_published_way_is_that_of_pillow():
    """Against a slow twin: Pillow's planes, zeros around the picture, cut off, Pillow's bicubic for the colour."""
    from PIL import Image

    network, pixels = drawn(ESPCN, 2), noise(10, 12, 3)
    y, cb, cr = Image.fromarray(pixels).convert("YCbCr").split()
    plane = network(torch.from_numpy(np.asarray(y, np.float32) / 255)[None, None])[0, 0].numpy() * 255
    planes = [Image.fromarray(np.uint8(plane.clip(0, 255)))]
    planes += [plane.resize((24, 20), Image.BICUBIC) for plane in (cb, cr)]
    expected = np.asarray(Image.merge("YCbCr", planes).convert("RGB"))
    assert np.array_equal(luma.enlarged_as_published(network, pixels), expected)
