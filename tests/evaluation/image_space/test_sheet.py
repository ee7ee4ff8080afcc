"""The contact sheet."""

from __future__ import annotations

import numpy as np

from maquette.evaluation.image_space.sheet import WorstRows


def test_a_sheet_keeps_the_worst():
    worst = WorstRows(most=3)
    for k, score in enumerate((0.9, 0.2, 0.8, 0.5, 0.2)):
        worst.add(score, np.full((2, 2, 3), k, np.uint8))
    assert [int(row[0, 0, 0]) for row in worst.rows] == [1, 4, 3]
