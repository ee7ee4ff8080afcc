"""The outline of a person: what goes, what is closed."""

from __future__ import annotations

import numpy as np

from maquette.perception.people import mask


def test_parts_without_a_limb_and_pinholes_go():
    drawn = np.zeros((100, 100), np.float32)
    drawn[10:90, 30:60] = 1
    drawn[80, 40] = 0
    drawn[20:60, 80:95] = 1
    drawn[30:60, 33:50] = 0
    drawn[92:98, 40:50] = 1
    limbs = np.zeros((100, 100), np.uint8)
    limbs[12:97, 45] = 1
    out = mask.without_specks(drawn, limbs, 2)
    assert out[20:60, 80:95].max() == 0 and out[92:98, 40:50].min() == 1
    assert out[80, 40] == 1
    assert out[30:60, 33:50].max() == 0 and out[70, 40] == 1
