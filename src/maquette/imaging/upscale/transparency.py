"""The opacity of a picture that is made larger: apart from its colours, which know nothing of what is invisible."""

from __future__ import annotations

from numpy.typing import NDArray

from maquette.imaging.upscale.interpolation import enlarged

SQUARE = ("nearest", "area")  # methods whose pixels stay squares; the opacity does as well


def continued(pixels: NDArray, opacity: NDArray) -> NDArray:
    """The picture with the colour of the nearest visible pixel where none is visible.

    What lies there is often black, and would darken the rim of the visible when the picture is enlarged.

    Args:
        pixels: (H, W, 3) uint8.
        opacity: (H, W) uint8, 0 where nothing is visible.
    """
    from scipy.ndimage import distance_transform_edt

    hidden = opacity == 0
    if hidden.all() or not hidden.any():
        return pixels
    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    return pixels[rows, columns]


def enlarged_opacity(opacity: NDArray, factor: int, method: str) -> NDArray:
    """(H * factor, W * factor) uint8: the opacity of (H, W), on straight lines between pixels.

    Cubic curves and Lanczos overshoot: they leave ghosts beside an outline. Networks have learned photos, not masks.

    Example:
        >>> import numpy as np
        >>> enlarged_opacity(np.array([[0, 200]], np.uint8), 2, "nearest").tolist()
        [[0, 0, 200, 200], [0, 0, 200, 200]]
    """
    return enlarged(opacity, factor, method if method in SQUARE else "bilinear")
