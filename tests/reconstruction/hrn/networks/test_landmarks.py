"""The network of 106 landmarks is the published one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hrn_by_seed import golden, network, pictures
from maquette.reconstruction.hrn.networks.landmarks import MEAN, read_points


def test_same_weights_give_the_published_numbers():
    found = network("landmarks").double()(pictures("landmarks").double())
    network("landmarks").float()
    torch.testing.assert_close(found.float(), golden("landmarks"), atol=1e-6, rtol=1e-5)


class Bright(nn.Module):
    """Says of each picture where its brightest pixel is: all 106 points within a pixel of that."""

    def __init__(self):
        super().__init__()
        self.unused, self.seen = nn.Parameter(torch.zeros(1)), []

    def forward(self, x):
        self.seen.append(x)
        place = x[0].sum(0).flatten().argmax()
        at = torch.stack((place % 224 + 0.5, place // 224 + 0.5)) / 224
        spread = torch.linspace(-0.2, 0.2, 106)[:, None]
        return (at + spread).view(1, 212)


@pytest.mark.parametrize("swapped", [True, False])
def test_points_come_back_in_the_picture_after_two_passes(swapped):
    pixels = np.full((300, 400, 3), 60, np.uint8)
    pixels[118:123, 208:213] = 250
    reader = Bright()
    found = read_points(reader, pixels, np.array([150.0, 80.0, 270.0, 220.0]), swapped)
    assert len(reader.seen) == 2 and np.abs(found.mean(axis=0) - [210.5, 120.5]).max() < 3
    first = reader.seen[0][0, :, 5, 5] * 255 + torch.tensor(MEAN if swapped else MEAN[::-1])
    assert first.numpy() == pytest.approx([60, 60, 60], abs=1e-3)
    # The second crop is about the points of the first: two fifths of its side, 1.35 times.
    near, far = (np.ptp(points) for points in (found[:, 0], np.array([0, 1.35 * 140 * 0.4])))
    assert near == pytest.approx(1.35 * 0.4 * far, rel=0.02)
