"""deformation.png, displacement.png, albedo.png, levels.png."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.outputs.asset import Asset
from maquette.outputs.pictures.maps import png

UNIT_M = 5e-7  # one step of both maps
ZERO = 32768
DEFORMATION, DISPLACEMENT, LEVELS = "deformation", "displacement", "levels"  # names of a reconstruction's parameters


def encoded(metres: NDArray) -> NDArray:
    """Metres as uint16 steps about ZERO; what is farther than 16 mm is cut off.

    Example:
        >>> encoded(np.array([0.0, 0.001, -1.0])).tolist()
        [32768, 34768, 0]
    """
    return (ZERO + np.round(np.asarray(metres, float) / UNIT_M)).clip(0, 65535).astype(np.uint16)


def _map(asset: Asset, name: str, axes: str) -> bytes:
    metres = np.asarray(asset.result.reconstruction.parameters[name])
    note = f"{axes}, metres = (value - {ZERO}) * {UNIT_M:g}; rows from v = 1 down"
    return png(encoded(metres), Description=note, Software="maquette")


def write_deformation(asset: Asset) -> bytes:
    """16-bit RGB: how far the middle level moves the face along x, y, z of the world, in the texture's layout."""
    return _map(asset, DEFORMATION, "red x, green y, blue z of the world")


def write_displacement(asset: Asset) -> bytes:
    """16-bit grey: how far the finest level moves the face along its normals, in the texture's layout."""
    return _map(asset, DISPLACEMENT, "along the normals")


def write_albedo(asset: Asset) -> bytes:
    """The skin's own colours without the photo's light, in the texture's layout."""
    return png(np.asarray(asset.result.reconstruction.parameters["albedo"]))


def write_levels(asset: Asset) -> bytes:
    """The contact sheet of all levels."""
    return png(np.asarray(asset.result.reconstruction.parameters[LEVELS]))
