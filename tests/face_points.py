"""Landmarks with known distances."""

from __future__ import annotations

import numpy as np


def points(seed=0):
    """(68, 3) pixels with box 100 x 100."""
    drawn = np.random.default_rng(seed).uniform(0, 100, (68, 3))
    drawn[0, :2], drawn[1, :2] = 0, 100
    return drawn + np.array([100, 50, 0])
