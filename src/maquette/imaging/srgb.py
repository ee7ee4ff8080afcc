"""The curve between light and the numbers of pictures (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def linear(coded: ArrayLike) -> NDArray:
    """Light in 0-1, in the precision of the values, of sRGB values in 0-1."""
    value = np.asarray(coded)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def coded(light: ArrayLike) -> NDArray:
    """sRGB values of light that is not negative, in its precision; 0-1 for 0-1."""
    value = np.asarray(light)
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
