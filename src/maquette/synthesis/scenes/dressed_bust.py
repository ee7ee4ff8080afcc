"""The dressed body below a head: neck, shoulders and chest with their clothes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import MorphableModel
from maquette.synthesis.anatomy.bust import make_bust, spread_colors
from maquette.synthesis.clothing.bust_clothes import draw_clothes
from maquette.synthesis.types import Identity, Kind, SceneSurface

SKIN_SPECULAR, SKIN_ROUGHNESS = 0.028, 0.5
HIDDEN_M = 0.012  # skin further than this inside the clothes is left out


def draw_dressed_bust(
    model: MorphableModel,
    head_vertices: NDArray,
    identity: Identity,
    skin_color: NDArray,
    rng: np.random.Generator,
    neck_turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> list[SceneSurface]:
    """The bust of a head, and what it wears.

    Args:
        model, head_vertices, neck_turn: as in `make_bust`.
        skin_color: (3,) linear RGB, or (R, 3) one per vertex of `rim()`, which fade into their mean.

    Returns:
        Bare skin first, then clothes from inside to outside.
    """
    bust = make_bust(model, head_vertices, identity, rng, neck_turn)
    outfit = draw_clothes(bust, identity, rng)
    seen = outfit.covered[bust.faces].min(axis=1) < HIDDEN_M
    skin = SceneSurface(
        bust.vertices,
        bust.faces[seen],
        Kind.SKIN,
        spread_colors(skin_color),
        roughness=SKIN_ROUGHNESS,
        specular=SKIN_SPECULAR,
    )
    return [skin, *outfit.surfaces]
