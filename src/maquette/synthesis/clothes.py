"""First garments."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.bust import Torso
from maquette.synthesis.cloth import drape, folds, shell
from maquette.synthesis.types import Identity, Surface

Array = np.ndarray


def crew(torso: Torso) -> Array:
    """(n,) about metres outside an ellipse around the neck, seen along the spine."""
    x, _, z = torso.canonical.T
    return 0.075 * (np.hypot(x / 0.088, (z + 0.110) / 0.074) - 1)


def draw_clothes(torso: Torso, identity: Identity, rng: np.random.Generator) -> tuple[list[Surface], Array]:
    """Clothes from inside to outside, and (n,) metres how far inside them each skin vertex lies (below 0: bare)."""
    field = crew(torso)
    shape = drape(torso, 0.006 * torso.scale + np.abs(folds(torso, rng, 0.003)), 4)
    return [shell(torso, shape, field, rng.uniform(0.03, 0.7, 3))], field
