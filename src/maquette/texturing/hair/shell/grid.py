"""The rays that a shell grows along: out of the middle of a head above it, out of its upright axis below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, grey_erosion, maximum_filter

from maquette.geometry.raycast import RayCaster
from maquette.morphable.model import MorphableModel
from maquette.texturing.hair.outline import MIDDLE_M

COLUMNS = 80  # around the head
POLAR = np.radians(3.75)  # between rows above the middle
LEVEL_M = 0.0075  # between rows below it
LEAN = 0.3  # by how much the axis runs back as it goes down, as necks do
OUTSIDE_M = 0.4  # from the axis, where nothing of a head is
HOLLOW = (3, 5)  # rows and columns within which cloth spans hollows, and skin is tucked under


@dataclass(frozen=True, eq=False)
class ShellGrid:
    """Rays around a head, in rows from its top down, columns from its back around by its right side.

    Attributes:
        origins, directions: (R, C, 3) metres, world, and unit.
        skin: (R, C) metres along each ray to the outermost skin.
        down: (R,) radians from the way up, of the rays above the middle; below it they are level, and this goes on by
            a right angle per head's radius.
    """

    origins: NDArray
    directions: NDArray
    skin: NDArray
    down: NDArray

    @property
    def turn(self) -> NDArray:
        """(C,) radians around the head: 0 in front, positive to the subject's left."""
        return column_turns()

    @cached_property
    def spanned(self) -> NDArray:
        """(R, C) metres: what cloth or hair that lies on the head reaches at least, over ears and hollows."""
        wide = around(maximum_filter, self.skin, HOLLOW)
        return np.maximum(around(gaussian_filter, wide, (1.0, 1.5)), self.skin)

    @cached_property
    def sunk(self) -> NDArray:
        """(R, C) metres: under the skin everywhere near by."""
        return around(grey_erosion, self.skin, HOLLOW)

    def points(self, reach: NDArray) -> NDArray:
        """(R, C, 3) metres, world, at (R, C) metres along the rays."""
        return self.origins + reach[..., None] * self.directions


def column_turns() -> NDArray:
    """(C,) radians around the head, at the columns."""
    return -np.pi + 2 * np.pi * np.arange(COLUMNS) / COLUMNS


def around(filtered, values: NDArray, size: tuple[float, float]) -> NDArray:  # type: ignore[no-untyped-def]
    """A filter of scipy.ndimage over rows and columns (R, C), which goes on around the head."""
    return np.asarray(filtered(values, size, mode=("nearest", "wrap")))


def shell_grid(head: NDArray, model: MorphableModel, scale: float, floor: float) -> ShellGrid:
    """The rays around a head.

    Args:
        head: (V, 3) metres, neutral.
        scale: its size, of the model's.
        floor: metres, the height of the lowest row.
    """
    centre = MIDDLE_M[0] * scale
    polar = np.arange(0, np.pi / 2 + 1e-6, POLAR)
    levels = np.arange(centre[1], floor - LEVEL_M, -LEVEL_M)[1:]
    turn = column_turns()
    level = np.stack([np.sin(turn), np.zeros(COLUMNS), np.cos(turn)], axis=1)
    up = np.array([0.0, 1.0, 0.0])
    above = np.sin(polar)[:, None, None] * level + np.cos(polar)[:, None, None] * up
    drop = levels - centre[1]
    axis = centre + np.stack([0 * drop, drop, LEAN * drop], axis=1)
    origins = np.concatenate([np.broadcast_to(centre, above.shape), np.repeat(axis[:, None], COLUMNS, axis=1)])
    directions = np.concatenate([above, np.broadcast_to(level, (len(levels), *level.shape))])
    down = np.concatenate([polar, np.pi / 2 - drop / (0.1 * scale)])
    return ShellGrid(origins, directions, _outermost(head, model, origins, directions), down)


def _outermost(head: NDArray, model: MorphableModel, origins: NDArray, directions: NDArray) -> NDArray:
    """(R, C) metres along each ray to the outermost skin; where there is none any more, as in the row above."""
    part = np.zeros(len(head), bool)
    part[model.part_vertices("skin")] = True
    caster = RayCaster(head, model.faces[part[model.faces].all(axis=1)])
    outside = (origins + OUTSIDE_M * directions).reshape(-1, 3)
    away = caster.first_hits(outside, -directions.reshape(-1, 3))[2].reshape(origins.shape[:2])
    skin = OUTSIDE_M - away
    skin[~(skin > 0.02)] = np.nan
    for row in range(1, len(skin)):
        skin[row] = np.where(np.isnan(skin[row]), skin[row - 1], skin[row])
    return np.asarray(skin)
