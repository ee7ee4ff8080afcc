"""Contact sheets."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.datasets.sheet import contact_sheet


def test_sheets():
    tiles = [np.full((8, 8, 3), k, np.uint8) for k in range(70)]
    assert contact_sheet(tiles).shape == (78, 78, 3)
    one = contact_sheet(tiles[:3], tile=4)
    assert one.shape == (10, 10, 3) and (one[:4, 6:] == 1).all() and (one[6:, 6:] == 255).all()
