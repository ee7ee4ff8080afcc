"""A turned square in a picture: where a face or a person stands upright in a crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Square:
    """A square in a picture.

    Attributes:
        centre: (2,) pixels.
        side: pixels.
        roll: radians by which it is turned, clockwise as seen.
    """

    centre: NDArray
    side: float
    roll: float

    def to_crop(self, size: int, mirrored: bool = False) -> NDArray:
        """(2, 3) affine from pixels of the picture to those of the upright crop of `size` pixels."""
        cos, sin = np.cos(self.roll) * size / self.side, np.sin(self.roll) * size / self.side
        matrix = np.array([[cos, sin], [-sin, cos]])
        if mirrored:
            matrix[0] *= -1
        return np.column_stack([matrix, size / 2 - matrix @ self.centre])

    def patch(self, size: tuple[int, int], reach: float) -> tuple[NDArray, NDArray]:
        """First and behind-last corner, (2,) int pixels each, of what holds the square at any turn, within a picture.

        Args:
            size: (width, height) of the picture.
            reach: half the patch's side over the square's; from 0.71 on the square fits at any turn.
        """
        half = self.side * reach
        width, height = size
        low = np.clip(np.floor(self.centre - half), 0, [width - 2, height - 2]).astype(int)
        high = np.clip(np.ceil(self.centre + half), low + 2, [width, height]).astype(int)
        return low, high


def upright_turn(across: NDArray, down: NDArray) -> float:
    """Roll in radians from two directions (2,) in a face, eye to eye and eyes to mouth; each counts by its length."""
    turned = across + np.array([down[1], -down[0]])
    return float(np.arctan2(turned[1], turned[0]))
