"""The part of a picture from which a face's crops are sampled."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception import copies
from maquette.perception.faces import patch
from maquette.perception.square import Square


@pytest.mark.parametrize("side", [200.0, 700.3, 1501.0, 2000.7])
def test_a_large_part_can_be_halved_and_its_pixels_know_where_they_lie(side, monkeypatch):
    """What `shrunk` cannot halve costs ten times as much; a spot in the picture stays where it was."""
    given = []
    monkeypatch.setattr(patch, "shrunk", lambda part, size: (given.append((part, size)), copies.shrunk(part, size))[1])
    pixels = np.full((2301, 2407, 3), 150, np.uint8)
    pixels[1100:1120, 1300:1320] = 255
    made = patch.Patch.around(pixels, Square(np.array([1250.3, 1150.9]), side, 0.0))
    rows, columns = np.nonzero(made.pixels[..., 0] > 200)
    spot = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) * made.scaling + made.corner
    assert np.abs(spot - [1310, 1110]).max() < 0.6 * made.scaling.max()
    assert bool(given) == (side > patch.WORKING_SIDE)
    for part, size in given:
        halves = 2 ** int(np.log2(side / patch.WORKING_SIDE))
        assert part.shape[0] % halves == 0 == part.shape[1] % halves
        assert np.allclose(np.array(part.shape[1::-1]) / size, made.scaling)


@pytest.mark.parametrize("shape", [(2, 300), (3, 5), (900, 2)])
def test_a_part_of_a_sliver_is_not_empty(shape):
    made = patch.Patch.around(np.zeros((*shape, 3), np.uint8), Square(np.array([1.0, 1.0]), 5000.0, 0.3))
    assert min(made.pixels.shape[:2]) >= 1
