"""A field on the nodes of a regular lattice: which nodes there are, and asking a function for many of them at once.

Frame: the cube [-1, 1]^3 of pixel-aligned networks, x right, y up, z towards the viewer. Node i of R on an axis is at
-1 + 2 i / R, so that +1 is never a node. A lattice of step s holds every s-th node. Nodes are named by one number,
(i n + j) n + k with n nodes on an axis: sorted, the nodes of a pixel column (i, j) follow each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.geometry.surfaces.isosurface import marching_cubes

BATCH = 2**18  # nodes a field is asked for at once
MOST_NODES = 1024  # on an axis: so that the number of a node fits into 32 bits

Field = Callable[[NDArray], NDArray]
"""(N, 3) float32 points in [-1, 1]^3 to (N,) float32 values, higher inside."""


@dataclass(frozen=True)
class Grid:
    """Values on a box of lattice nodes.

    Attributes:
        values: (X, Y, Z) float32, higher inside.
        start: (3,) int, the node at values[0, 0, 0].
        resolution: R, nodes on an axis of the whole lattice.
        level: the value at the surface.
        evaluations: for how many nodes the field was asked.
    """

    values: NDArray
    start: NDArray
    resolution: int
    level: float
    evaluations: int

    def surface(self, closed: bool = True) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) float64 in [-1, 1]^3 and faces (F, 3) int64, anticlockwise seen from outside.

        Args:
            closed: whether a solid at the border of the lattice is closed there, half a node outside.

        Raises:
            BadInput: the box holds more nodes than marching cubes takes.
        """
        if not self.values.size:
            return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
        vertices, faces = marching_cubes(self.values, self.level, closed)
        vertices += self.start
        vertices *= 2 / self.resolution
        vertices -= 1
        return vertices, faces


@dataclass
class Sampler:
    """Asks a field for nodes of a lattice, in batches, and counts them.

    Attributes:
        field: a `Field`; the points it is given are sorted by pixel column.
        resolution: R, nodes on an axis.
        batch: most nodes asked for at once.
        columns: (R, R) bool over (i, j); in the others every node is `outside` and not asked for.
        box: (3, 2) int, first and last node on each axis within which the field is asked; None is everywhere.
        outside: the value where the field is not asked.
        evaluations: nodes asked for so far.
    """

    field: Field
    resolution: int
    batch: int = BATCH
    columns: NDArray | None = None
    box: NDArray | None = None
    outside: float = 0.0
    evaluations: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        self._axis = axis(self.resolution)

    def __call__(self, keys: NDArray, step: int) -> NDArray:
        """(N,) float32 values of nodes of the lattice of a step, named by sorted (N,) int64 keys.

        Raises:
            BadInput: the field gives NaN, infinity, or another number of values than of points.
        """
        asked = self._asked(keys, step)
        if asked is None:
            return self._ask(keys, step)
        values = np.full(len(keys), self.outside, np.float32)
        values[asked] = self._ask(keys[asked], step)
        return values

    def _asked(self, keys: NDArray, step: int) -> NDArray | None:
        """(N,) bool: which nodes the field is asked for; None is all."""
        if self.columns is None and self.box is None:
            return None
        place = [index * step for index in unravel(keys, count(self.resolution, step))]
        asked = np.ones(len(keys), bool) if self.columns is None else self.columns[place[0], place[1]]
        if self.box is not None:
            for index, (first, last) in zip(place, self.box):
                asked = asked & (index >= first) & (index <= last)
        return asked

    def _ask(self, keys: NDArray, step: int) -> NDArray:
        values = np.empty(len(keys), np.float32)
        for first in range(0, len(keys), self.batch):
            part = keys[first : first + self.batch]
            points = np.empty((len(part), 3), np.float32)
            for place, index in zip(points.T, unravel(part, count(self.resolution, step))):
                place[:] = self._axis[index * step]
            found = np.asarray(self.field(points))
            if found.shape != part.shape:
                raise BadInput(f"field: wanted {part.shape} values for {len(part)} points, got {found.shape}")
            values[first : first + self.batch] = found
        self.evaluations += len(keys)
        if not np.isfinite(values).all():
            raise BadInput("field: gave NaN or infinity; check the network's weights")
        return values


def axis(resolution: int) -> NDArray:
    """(R,) float32 places of the nodes of an axis; rounded once, from double precision."""
    return (np.arange(resolution) * (2 / resolution) - 1).astype(np.float32)


def count(resolution: int, step: int) -> int:
    """Nodes on an axis of the lattice of a step: the last is at most R - 1."""
    return -(-resolution // step)


def unravel(keys: NDArray, n: int) -> tuple[NDArray, NDArray, NDArray]:
    """(N,) int32 indices i, j, k of node numbers on a lattice of n nodes an axis, at most 1024."""
    i, rest = np.divmod(keys.astype(np.int32), np.int32(n * n))  # twice as fast as with 64 bits
    return i, *np.divmod(rest, np.int32(n))


def columns_of(mask: NDArray, resolution: int, margin: float) -> NDArray:
    """Which pixel columns of the lattice lie on a mask of the crop, or near it.

    Args:
        mask: (H, W), above a half on the subject; rows from the top of the crop that [-1, 1]^2 is.
        resolution: R.
        margin: how far the mask is widened, in units of the cube (half the crop's side).

    Returns:
        (R, R) bool over (i, j) of x and y. At node (x, y) the mask is read at u = (x + 1) W / 2, v = (1 - y) H / 2.

    Raises:
        BadInput: the mask is not two-dimensional or holds nothing.
    """
    if mask.ndim != 2 or not (mask > 0.5).any():
        raise BadInput(f"mask: wanted (H, W) with the subject above a half, got shape {mask.shape} without any")
    import cv2

    height, width = mask.shape
    reach_x, reach_y = (int(np.ceil(margin * side / 2)) for side in (width, height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_x + 1, 2 * reach_y + 1))
    wide = cv2.dilate((mask > 0.5).astype(np.uint8), kernel)
    at = axis(resolution).astype(float)
    u = np.clip(((at + 1) * width / 2).astype(int), 0, width - 1)
    v = np.clip(((1 - at) * height / 2).astype(int), 0, height - 1)
    return wide[v[None, :], u[:, None]] > 0
