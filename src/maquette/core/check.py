"""Border checks for arrays: shape, dtype, finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def expect(
    name: str,
    array: object,
    shape: tuple[int | str | None, ...],
    dtype: type | np.dtype[Any] | None = None,
    finite: bool = True,
) -> NDArray[Any]:
    """Check one array and return it unchanged.

    Args:
        name: how the message calls the array.
        array: any numpy array.
        shape: a length, or None / a letter for any length, per axis.
        dtype: wanted dtype, or None for any.
        finite: whether NaN and infinity are refused.

    Raises:
        ValueError: one line that names what was wanted and what came.

    Example:
        >>> expect("points", np.zeros((4, 3)), ("N", 3)).shape
        (4, 3)
    """
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: wanted a numpy array, got {type(array).__name__}")
    wanted = tuple(axis if isinstance(axis, int) else None for axis in shape)
    fits = array.ndim == len(wanted) and all(w is None or w == n for w, n in zip(wanted, array.shape))
    if not fits:
        raise ValueError(f"{name}: wanted shape {shape}, got {array.shape}")
    if dtype is not None and array.dtype != np.dtype(dtype):
        raise ValueError(f"{name}: wanted {np.dtype(dtype)}, got {array.dtype}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: holds NaN or infinity")
    return array


def expect_if(name: str, array: object, shape: tuple[int | str | None, ...], dtype: type) -> None:
    """`expect` of an array that may be None.

    Raises:
        ValueError: as `expect`.
    """
    if array is not None:
        expect(name, array, shape, dtype)
