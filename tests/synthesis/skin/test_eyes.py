"""Drawn eyeballs lie in the shade of their lids."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.skin.eyes import lid_shadow


def test_the_upper_lid_throws_the_deepest_shadow():
    flat = np.array([[0, 0], [0, 0.36], [0, -0.36], [0.7, 0]], np.float32)
    directions = np.column_stack([flat, np.sqrt(1 - (flat**2).sum(axis=1))])[None]
    middle, up, down, aside = lid_shadow(directions)[0]
    assert middle == 1 and up < 0.5 and up < down < middle and up < aside < middle
