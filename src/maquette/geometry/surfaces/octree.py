"""Two ways to a grid of values near a surface without asking a field for every node.

`exact_grid` gives the values and counts of the published octree of PIFuHD (Saito et al. 2020), whose loop over cells
is replaced by one pass a level: cells whose corners differ little are filled with their middle value. `fast_grid`
follows the sign alone, from a coarse lattice to finer ones (as MonoPort's Seg3d, Li et al. 2020): both ends of each
edge on which the sign changes are asked for, all other nodes keep the sign of their surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.geometry.surfaces.lattice import BATCH, MOST_NODES, Field, Grid, Sampler, count, unravel

START = 64  # nodes on an axis of the coarsest lattice of the octree
SPREAD = 0.05  # cells whose corners differ by less are filled
PART = 2**16  # cells that are worked on at once: keeps memory small
CORNERS = np.array(list(np.ndindex(2, 2, 2)))
AROUND = np.array([d for d in np.ndindex(3, 3, 3) if d != (1, 1, 1)]) - 1


def exact_grid(field: Field, resolution: int, level: float = 0.5, batch: int = BATCH) -> Grid:
    """The whole grid as the published octree has it: same values, same number of evaluations.

    Args:
        field: values 0-1; differences below 0.05 are not resolved.
        resolution: R, a multiple of 64.
        level: the value at the surface; does not change the values.
        batch: most points the field is asked for at once.

    Returns:
        All R^3 nodes. The last plane of each axis is 0, as published.

    Raises:
        BadInput: the resolution is not a multiple of 64, or the field gives NaN.
    """
    if resolution < START or resolution % START or resolution > MOST_NODES:
        raise BadInput(f"resolution {resolution}: the exact grid wants a multiple of {START} up to {MOST_NODES}")
    sample = Sampler(field, resolution, batch)
    steps = [resolution // START]
    while steps[-1] > 1:
        steps.append(steps[-1] // 2)
    full = np.full((resolution,) * 3, np.nan, np.float32)  # NaN: still to be known
    full[-1], full[:, -1], full[:, :, -1] = 0, 0, 0
    # Middle values are halves of halves: cells are judged in double precision, on the nodes that are ever corners.
    stride = gcd(*steps[:-1]) if len(steps) > 1 else resolution
    corners = full[::stride, ::stride, ::stride].astype(float)
    for step in steps:
        n = count(resolution, step)
        keys = np.flatnonzero(np.isnan(full[::step, ::step, ::step]))
        values = sample(keys, step)
        if step == 1:
            full.ravel()[keys] = values
            break
        place = unravel(keys, n)
        full[tuple(index * step for index in place)] = values
        corners[tuple(index * (step // stride) for index in place)] = values
        cells, middles = _even_cells(full, corners, step, stride)
        _fill([(full, step), (corners, step // stride)], cells, middles, n)
    return Grid(full, np.zeros(3, int), resolution, level, sample.evaluations)


def _even_cells(full: NDArray, corners: NDArray, step: int, stride: int) -> tuple[NDArray, NDArray]:
    """Keys (M,) of cells whose middle is not known yet and whose corners differ little, and their middle values (M,).

    A cell has the key of its lowest node on the lattice of the step.
    """
    n, m, size = count(len(full), step), len(corners), step // stride
    half = slice(step // 2, step // 2 + (n - 2) * step + 1, step)
    keys = np.flatnonzero(np.isnan(full[half, half, half]))
    even, middles = [np.zeros(0, np.int64)], [np.zeros(0)]
    reach = (CORNERS * size) @ [m * m, m, 1]
    for first in range(0, len(keys), PART):
        i, j, k = unravel(keys[first : first + PART], n - 1)
        around = corners.ravel()[(((i * m + j) * m + k) * size)[:, None] + reach]
        low, high = around.min(axis=1), around.max(axis=1)
        found = high - low < SPREAD
        even.append(((i * n + j) * n + k)[found])
        middles.append(0.5 * (low + high)[found])
    return np.concatenate(even), np.concatenate(middles)


def _fill(volumes: list[tuple[NDArray, int]], cells: NDArray, middles: NDArray, n: int) -> None:
    """Each cell's closed cube gets its middle value; where cubes touch, the last cell in order wins.

    A cell fills its own block of step^3 nodes, which no earlier cell can take back. The nodes of its upper faces lie
    in blocks of later cells: there it is only seen where that block's own cell is not filled, and the latest of the
    cells around is painted last.

    Args:
        volumes: each with its nodes from cell to cell.
        cells: (M,) sorted keys on a lattice of n nodes an axis.
        middles: (M,) their values.
        n: nodes an axis.
    """
    filled = np.zeros(n**3, bool)
    filled[cells] = True
    for volume, step in volumes:
        if len(cells) > n**3 // 4 and n * step == len(volume):
            _paint_most(volume, step, filled, cells, middles)
        else:
            _paint(volume, step, (step, step, step), unravel(cells, n), middles)
    for shift in CORNERS[:0:-1]:
        blocks = cells + shift @ [n * n, n, 1]
        free = ~filled[blocks]
        place, values = unravel(blocks[free], n), middles[free]
        for volume, step in volumes:
            _paint(volume, step, tuple(1 if d else step for d in shift), place, values)


def _paint(volume: NDArray, step: int, shape: tuple[int, ...], place: tuple[NDArray, ...], values: NDArray) -> None:
    """Boxes of nodes of one shape, from i, j, k = place times step (M,), get a value each; later ones win."""
    n, flat = len(volume), volume.reshape(-1)
    reach = np.array(list(np.ndindex(*shape))) @ [n * n, n, 1]
    keys = ((place[0] * n + place[1]) * n + place[2]) * step
    several = max(1, 2**20 // len(reach))
    for part in range(0, len(keys), several):
        chosen = slice(part, part + several)
        flat[keys[chosen, None] + reach] = values[chosen, None]


def _paint_most(volume: NDArray, step: int, filled: NDArray, cells: NDArray, middles: NDArray) -> None:
    """`_paint` of whole blocks where most blocks of the volume are painted."""
    n = len(volume) // step
    value = np.zeros(n**3, volume.dtype)
    value[cells] = middles
    value, filled = value.reshape(n, n, n), filled.reshape(n, n, n)
    for i in range(n):
        rows, where = (np.repeat(np.repeat(a[i], step, axis=1), step, axis=0) for a in (value, filled))
        np.copyto(volume[i * step : (i + 1) * step], rows, where=where)


@dataclass(frozen=True)
class FastGrid:
    """How `fast_grid` looks for the surface."""

    start: int | None = None
    """Nodes on an axis of the first lattice, R / 2^k; None is an eighth of R, at least 32. What lies wholly between its
    nodes and is joined to nothing that was found is missed."""
    level: float = 0.5
    """The value at the surface."""
    columns: NDArray | None = None
    """(R, R) bool over (i, j): pixel columns with the subject, see `columns_of`; None is all."""
    box: NDArray | None = None
    """(3, 2) lower and upper corner in [-1, 1]^3 of what is sampled; None is all."""
    outside: float = 0.0
    """The value where nothing is sampled."""
    batch: int = BATCH
    """Most points the field is asked for at once."""


@dataclass
class _OctreeLevel:
    """Values (n, n, n) float32 of a lattice, which of them were asked for, and what is inside above."""

    values: NDArray
    known: NDArray
    level: float

    @property
    def n(self) -> int:
        return len(self.values)

    def mixed(self) -> NDArray:
        """(M, 3) cells whose corners differ in sign; the last cells of an axis end at the border."""
        inside = self.values > self.level
        every = some = inside
        for a in range(3):
            every, some = every & _next(every, a), some | _next(some, a)
        return np.argwhere(some & ~every)

    def guess(self, keys: NDArray) -> NDArray:
        """(N,) values of nodes of the lattice twice as fine, between the nodes of this one."""
        index = unravel(keys, 2 * self.n)
        ends = [(i >> 1, np.minimum((i + 1) >> 1, self.n - 1)) for i in index]
        at = np.stack([self.values[tuple(ends[a][d[a]] for a in range(3))] for d in CORNERS], axis=1)
        at = at.reshape(-1, 2, 2, 2)
        for _ in range(3):  # z, y, x: the order of `finer`, so that equal nodes get equal bits
            at = np.float32(0.5) * (at[..., 0] + at[..., 1])
        return at

    def finer(self, start: NDArray, end: NDArray) -> NDArray:
        """The same values as `guess` on a box of nodes, start to end, of the lattice twice as fine."""
        first, last = start // 2, np.minimum(end // 2 + 1, self.n)
        box = self.values[tuple(slice(a, b) for a, b in zip(first, last))]
        box = np.pad(box, [(0, int(b == self.n)) for b in last], mode="edge")
        for a in (2, 1, 0):
            box = _halved(box, a)
        return box[tuple(slice(s - 2 * f, e - 2 * f) for s, e, f in zip(start, end, first))]


def _next(values: NDArray, along: int) -> NDArray:
    """The neighbour of each node along an axis; the last one is its own."""
    last = [slice(None)] * 3
    last[along] = slice(-1, None)
    rest = [slice(None)] * 3
    rest[along] = slice(1, None)
    return np.concatenate([values[tuple(rest)], values[tuple(last)]], axis=along)


def _halved(values: NDArray, along: int) -> NDArray:
    """Nodes and the means between neighbours along an axis: m become 2 m - 1."""
    values = np.moveaxis(values, along, 0)
    out = np.empty((2 * len(values) - 1, *values.shape[1:]), values.dtype)
    out[::2] = values
    np.add(values[1:], values[:-1], out=out[1::2])
    out[1::2] *= np.float32(0.5)
    return np.moveaxis(out, 0, along)


def fast_grid(field: Field, resolution: int, options: FastGrid | None = None) -> Grid:
    """A box around the surface: true values at both ends of every edge that crosses it, true signs elsewhere.

    What is found is all of a piece: with a node of it, everything that is joined to that node by neighbouring nodes of
    the finest lattice. So a hand that is thinner than a cell of the first lattice is found along the arm.

    Args:
        field: see `lattice.Field`; any values, higher inside.
        resolution: R.
        options: where and how to look.

    Returns:
        The smallest box that holds all inside nodes and one node around; empty where nothing is inside. Values away
        from the surface are interpolated.

    Raises:
        BadInput: the first lattice does not fit the resolution, or the field gives NaN.
    """
    options = options or FastGrid()
    step = resolution // first_nodes(resolution, options.start)
    sample = Sampler(field, resolution, options.batch, options.columns, _nodes(options.box, resolution))
    sample.outside = options.outside
    n = resolution // step
    values = sample(np.arange(n**3), step).reshape(n, n, n)
    at = _OctreeLevel(values, np.ones((n, n, n), bool), options.level)
    while step > 2:
        step //= 2
        keys, found = _near_surface(at, sample, step)
        n = 2 * at.n
        values = np.ascontiguousarray(at.finer(np.zeros(3, int), np.full(3, n)))
        values.ravel()[keys] = found
        known = np.zeros((n, n, n), bool)
        known[::2, ::2, ::2] = at.known
        known.ravel()[keys] = True
        at = _OctreeLevel(values, known, options.level)
    if step == 1:
        return Grid(at.values, np.zeros(3, int), resolution, options.level, sample.evaluations)
    keys, found = _near_surface(at, sample, 1)
    place = np.stack(unravel(keys, resolution), axis=1)
    inside = np.concatenate([2 * np.argwhere(at.values > options.level), place[found > options.level]])
    if not len(inside):
        return Grid(np.zeros((0, 0, 0), np.float32), np.zeros(3, int), resolution, options.level, sample.evaluations)
    start, end = np.maximum(inside.min(axis=0) - 2, 0), np.minimum(inside.max(axis=0) + 3, resolution)
    values = np.ascontiguousarray(at.finer(start, end))
    within = ((place >= start) & (place < end)).all(axis=1)
    values[tuple((place[within] - start).T)] = found[within]
    return Grid(values, start, resolution, options.level, sample.evaluations)


def first_nodes(resolution: int, start: int | None = None) -> int:
    """Nodes on an axis of the first lattice; BadInput where it does not fit."""
    if not 1 <= resolution <= MOST_NODES:
        raise BadInput(f"resolution {resolution}: wanted 1 to {MOST_NODES}")
    wanted = start
    if start is None:
        start = resolution
        while start % 2 == 0 and start // 2 >= max(32, resolution // 8):
            start //= 2
    step = resolution // max(start, 1)
    if start < 1 or step * start != resolution or step & (step - 1):
        raise BadInput(f"start {wanted}: wanted {resolution} halved a few times, the nodes of the first lattice")
    return start


def _nodes(box: NDArray | None, resolution: int) -> NDArray | None:
    """(3, 2) first and last node within a box (3, 2) of [-1, 1]^3."""
    if box is None:
        return None
    box = (np.asarray(box, float) + 1) * resolution / 2
    if box.shape != (3, 2) or not (box[:, 0] <= box[:, 1]).all():
        raise BadInput(f"box: wanted lower and upper end on three axes, (3, 2), got shape {box.shape} or ends swapped")
    return np.stack([np.ceil(box[:, 0]), np.floor(box[:, 1])], axis=1).astype(int)


def _near_surface(coarse: _OctreeLevel, sample: Sampler, step: int) -> tuple[NDArray, NDArray]:
    """Keys and values of the nodes of the next lattice that were asked for.

    Begins with both ends of each edge where the guess changes sign. Where an answer contradicts the guess, the surface
    runs elsewhere: the neighbours are asked too, until none contradicts.
    """
    n = 2 * coarse.n
    keys = _edges_of(coarse)
    asked = np.zeros(n**3, bool)  # pages that are never written take no memory
    all_keys, all_values = [], []
    while len(keys):
        guess = coarse.guess(keys)
        values = sample(keys, step)
        asked[keys] = True
        all_keys.append(keys)
        all_values.append(values)
        wrong = keys[(values > coarse.level) != (guess > coarse.level)]
        keys = _unknown(coarse, _neighbours(wrong, n))
        keys = keys[~asked[keys]]
    if not all_keys:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    return np.concatenate(all_keys), np.concatenate(all_values)


def _edges_of(coarse: _OctreeLevel) -> NDArray:
    """Sorted keys, on the next lattice, of unknown nodes with a neighbour of another guessed sign."""
    cells, n = coarse.mixed(), 2 * coarse.n
    found = [np.zeros(0, np.int64)]
    for first in range(0, len(cells), PART):
        part = cells[first : first + PART]
        corner = [np.minimum(part[:, None, a] + CORNERS[:, a], coarse.n - 1) for a in range(3)]
        block = coarse.values[tuple(corner)].reshape(-1, 2, 2, 2)
        for a in (3, 2, 1):
            block = _halved(block, a)
        inside = block > coarse.level
        near = np.zeros(inside.shape, bool)
        for a in (1, 2, 3):
            low, high = (tuple([slice(None)] * a + [s]) for s in (slice(None, -1), slice(1, None)))
            other = inside[low] != inside[high]
            near[low] |= other
            near[high] |= other
        cell, *offset = np.nonzero(near)
        place = 2 * part[cell] + np.stack(offset, axis=1)
        place = place[(place < n).all(axis=1)]
        found.append(_unknown(coarse, np.unique(place @ [n * n, n, 1])))
    return np.unique(np.concatenate(found))


def _unknown(coarse: _OctreeLevel, keys: NDArray) -> NDArray:
    """Those keys of the next lattice that the coarse one has not asked for."""
    i, j, k = unravel(keys, 2 * coarse.n)
    return keys[((i | j | k) & 1 == 1) | ~coarse.known[i >> 1, j >> 1, k >> 1]]


def _neighbours(keys: NDArray, n: int) -> NDArray:
    """Sorted keys of the 26 neighbours of nodes, without those outside of the lattice."""
    place = (np.stack(unravel(keys, n), axis=1)[:, None] + AROUND).reshape(-1, 3)
    place = place[((place >= 0) & (place < n)).all(axis=1)]
    return np.unique(place @ [n * n, n, 1])
