"""Brims of hats and shades of caps as closed solids on a posed body, whose hair is the hat's crown. Metres."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.anatomy.wearer import Wearer
from maquette.synthesis.solids import ChartedSolid, rounded_box


def draw_brim(wearer: Wearer, rng: np.random.Generator) -> ChartedSolid:
    """The brim of a hat, or the shade of a cap."""
    motion, cap = wearer.head_motion(), rng.random() < 0.5
    face = wearer.rest[(wearer.mesh.head > 0.9) & (np.abs(wearer.mesh.rest[:, 1] - 0.955) < 0.015)]
    middle = (face.max(axis=0) + face.min(axis=0)) / 2
    if cap:
        return rounded_box(middle + np.array([0, 0.004, 0.085]), np.array([0.072, 0.007, 0.085])).moved(motion)
    return rounded_box(middle, np.array([1, 0.055, 1.05]) * rng.uniform(0.14, 0.19)).moved(motion)
