"""Bags as closed solids on a posed body. Metres."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.anatomy.wearer import Wearer
from maquette.synthesis.solids import ChartedSolid, rounded_box


def draw_bag(wearer: Wearer, rng: np.random.Generator) -> ChartedSolid:
    """A rucksack on the back or a bag at the hip."""
    mesh = wearer.mesh
    back = rng.random() < 0.5
    level = 0.42 if back else 0.02
    near = (np.abs(mesh.waist - level) < 0.09) & (mesh.arms < 0.1)
    place, motion = wearer.rest[near], wearer.frame(near)
    if back:
        size = np.array([rng.uniform(0.12, 0.17), rng.uniform(0.17, 0.26), rng.uniform(0.05, 0.11)])
        at = [0, place[:, 1].mean() - 0.03, place[:, 2].min() - 0.6 * size[2]]
    else:
        size = np.array([rng.uniform(0.03, 0.06), rng.uniform(0.08, 0.15), rng.uniform(0.1, 0.17)])
        side = rng.choice([-1, 1])
        at = [side * (place[:, 0].max() + 0.9 * size[0]), place[:, 1].mean() - 0.05, place[:, 2].mean()]
    return rounded_box(np.array(at), size, 0.35).moved(motion)
