"""Cloth that hangs round a posed body: skirts, coats, shirts over trousers, long hair; closed solids.

Each row of a garment is the convex outline of the body at that height, widened, never narrowing faster downwards than
the cloth allows, so that it hangs from the widest place above: hips, a lifted knee, both knees of somebody who sits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maquette.synthesis.solids import ChartedSolid

COLUMNS, ROW_M, SLAB_M = 96, 0.016, 0.022
RECESS_ROWS, RIM_M = 5, 0.008  # the hollow seen from below
STEEPEST = 3.5  # metres a row may be wider than the one above it, per metre


@dataclass(frozen=True, eq=False)
class Rows:
    """Outlines of a garment, one above the other.

    Attributes:
        heights: (R,) metres, falling.
        centres: (R, 2) metres, x and z. radii: (R, COLUMNS) metres from the centre, by angle from +z (front) to +x.
    """

    heights: NDArray
    centres: NDArray
    radii: NDArray


def angles() -> NDArray:
    """(COLUMNS,) radians, from the back round by the right, the front (0) and the left."""
    return (np.arange(COLUMNS) + 0.5) * 2 * np.pi / COLUMNS - np.pi


def supports(points: NDArray, heights: NDArray) -> NDArray:
    """(R, COLUMNS) how far points (N, 3) near each height reach in each direction of the plane; -inf without points."""
    turn = angles()
    ways = np.stack([np.sin(turn), np.cos(turn)])
    order = np.argsort(points[:, 1])
    high = points[order, 1]
    planar = points[order][:, [0, 2]].astype(np.float32)
    out = np.full((len(heights), COLUMNS), -np.inf)
    first, last = np.searchsorted(high, heights - SLAB_M), np.searchsorted(high, heights + SLAB_M)
    for k, (a, b) in enumerate(zip(first, last)):
        if b > a:
            out[k] = (planar[a:b] @ ways.astype(np.float32)).max(axis=0)
    return out


def hang_rows(reach: NDArray, heights: NDArray, ease: NDArray, slope: float, drift: NDArray) -> Rows:
    """Cloth over outlines.

    Args:
        reach: (R, COLUMNS) of `supports`; rows without points hang from those above.
        heights: (R,) falling, metres.
        ease: (R,) metres off the body.
        slope: metres that a row may be narrower than the one above, per metre.
        drift: (2,) metres in x and z that what hangs freely moves per metre down, where the rows are not level.
    """
    turn = angles()
    ways = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    fall = ways @ drift - slope
    down = -np.diff(heights, prepend=heights[0])
    wide = reach + ease[:, None]
    known = np.flatnonzero(np.isfinite(wide).all(axis=1))
    wide[: known[0]] = wide[known[0]]
    for k in range(1, len(wide)):
        wide[k] = np.maximum(wide[k], wide[k - 1] + fall * down[k])
    for k in range(len(wide) - 2, -1, -1):
        wide[k] = np.maximum(wide[k], wide[k + 1] - STEEPEST * down[k + 1])
    wide = gaussian_filter1d(wide, 1.2, axis=0, mode="nearest")
    # The middle of the box about each row.
    opposite = wide[:, (np.arange(COLUMNS) + COLUMNS // 2) % COLUMNS]
    middle = (wide - opposite) / 2
    right, front = np.argmin(np.abs(turn - np.pi / 2)), np.argmin(np.abs(turn))
    centres = gaussian_filter1d(np.stack([middle[:, right], middle[:, front]], axis=1), 2.0, axis=0, mode="nearest")
    off = wide - centres @ ways.T
    apart = np.cos(turn[:, None] - turn[None, :])
    apart = np.where(apart > 0.17, apart, np.nan)
    radii = np.nanmin(np.maximum(off, 0.02)[:, None, :] / apart[None], axis=2)
    radii = gaussian_filter1d(radii, 1.5, axis=1, mode="wrap")
    return Rows(heights, centres, radii)


def pleated(rows: Rows, rng: np.random.Generator, depth: NDArray, count: int) -> Rows:
    """Folds that deepen downwards, of uneven width.

    Args:
        depth: (R,) metres. count: how many go round.
    """
    turn = angles()[None, :]
    fall = np.linspace(0, 1, len(rows.heights))[:, None]
    bent = turn + 0.35 * np.sin(turn + rng.uniform(0, 6.3)) + 0.2 * np.sin(2 * turn + rng.uniform(0, 6.3))
    bent = bent + 0.25 * fall * np.sin(3 * turn + rng.uniform(0, 6.3))
    wave = 1 - 2 * np.abs(np.sin(0.5 * count * bent + rng.uniform(0, 3.1))) ** 0.8
    fine = 1 - 2 * np.abs(np.sin(round(1.2 * count) * bent + 2 * fall + rng.uniform(0, 3.1)))
    sag = np.sin(9 * fall + 2 * np.sin(2 * turn + rng.uniform(0, 6.3)) + rng.uniform(0, 6.3))
    own = 0.7 + 0.3 * np.sin(2 * turn + rng.uniform(0, 6.3))
    wave = own * (0.75 * wave + 0.3 * fine + 0.12 * sag)
    return Rows(rows.heights, rows.centres, rows.radii + depth[:, None] * (wave + 0.45))


def row_points(rows: Rows, inset: float = 0.0, lift: float = 0.0) -> NDArray:
    """(R, COLUMNS, 3) metres of the rows, `inset` metres farther in and `lift` higher."""
    turn, radii = angles(), np.maximum(rows.radii - inset, 0.01)
    x = rows.centres[:, :1] + radii * np.sin(turn)
    z = rows.centres[:, 1:] + radii * np.cos(turn)
    return np.stack([x, np.broadcast_to(rows.heights[:, None] + lift, x.shape), z], axis=2).astype(np.float32)


def closed_garment(rows: Rows) -> ChartedSolid:
    """A filled garment: a tube with a lid on top and a hollow at its hem."""
    outer = row_points(rows)
    recess = min(RECESS_ROWS, len(outer) - 1)
    inner = row_points(rows, RIM_M)[::-1][: recess + 1]
    rings = np.concatenate([outer, inner])
    count = len(rings)
    grid = np.arange(count * COLUMNS).reshape(count, COLUMNS)
    top, bottom = count * COLUMNS, count * COLUMNS + 1
    ends = np.stack([rings[0].mean(axis=0), rings[-1].mean(axis=0)])
    faces = [_strips(grid, True), _fan(grid[0], top, False), _fan(grid[-1], bottom, True)]
    cloth = _cloth(rings)
    spread = np.arange(count * (COLUMNS + 1)).reshape(count, COLUMNS + 1)
    last = count * (COLUMNS + 1)
    flat = [_strips(spread, False), _fan(spread[0, :-1], last, False), _fan(spread[-1, :-1], last + 1, True)]
    cloth = np.concatenate([cloth.reshape(-1, 2), [cloth[0].mean(axis=0), cloth[-1].mean(axis=0)]])
    vertices = np.concatenate([rings.reshape(-1, 3), ends])
    return ChartedSolid(vertices, np.concatenate(faces), cloth.astype(np.float32), np.concatenate(flat))


def open_garment(rows: Rows, gap: NDArray, thick: float) -> ChartedSolid:
    """A garment that stands open in front.

    Args:
        gap: (R,) half angle in radians of the opening.
        thick: metres.
    """
    outer, inner = (_opened(row_points(rows, inset), gap) for inset in (0.0, thick))
    # Round the edge: out along the outer face, back along the inner one; each row is one closed loop.
    loop = np.concatenate([outer, inner[:, ::-1]], axis=1)
    count, columns = loop.shape[:2]
    grid = np.arange(count * columns).reshape(count, columns)
    half = columns // 2

    def lid(row: NDArray, up: bool) -> NDArray:
        a, b, c, d = row[: half - 1], row[1:half], row[::-1][1:half], row[::-1][: half - 1]
        faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        return faces if up else faces[:, ::-1]

    faces = np.concatenate([_strips(grid, True), lid(grid[0], True), lid(grid[-1], False)]).astype(np.int32)
    cloth = _cloth(loop)[:, :-1].reshape(-1, 2).astype(np.float32)
    return ChartedSolid(loop.reshape(-1, 3).astype(np.float32), faces, cloth, faces)


def _opened(grid: NDArray, gap: NDArray) -> NDArray:
    """(R, COLUMNS, 3) rows that run from one edge of the opening round the back to the other."""
    turn = angles()
    out = np.empty_like(grid)
    for k, row in enumerate(grid):
        wanted = np.linspace(gap[k], 2 * np.pi - gap[k], COLUMNS)
        wanted = (wanted + np.pi) % (2 * np.pi) - np.pi
        for axis in range(3):
            out[k, :, axis] = np.interp(wanted, turn, row[:, axis], period=2 * np.pi)
    return out


def _strips(grid: NDArray, ring: bool) -> NDArray:
    """Faces between the rows of a grid of vertices; in a ring the last column meets the first."""
    after = np.roll(grid, -1, axis=1) if ring else grid[:, 1:]
    grid = grid if ring else grid[:, :-1]
    a, b, c, d = (g.ravel() for g in (grid[:-1], grid[1:], after[1:], after[:-1]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _fan(ring: NDArray, middle: int, up: bool) -> NDArray:
    after = np.roll(ring, -1)
    pair = (ring, after) if not up else (after, ring)
    return np.stack([pair[0], pair[1], np.full(len(ring), middle)], axis=1).astype(np.int32)


def _cloth(rings: NDArray) -> NDArray:
    """(R, columns + 1, 2) metres round (by the mean girth) and down each column."""
    girth = np.linalg.norm(np.diff(rings, axis=1, append=rings[:, :1]), axis=2).sum(axis=1).mean()
    u = np.linspace(0, girth, rings.shape[1] + 1)
    fall = np.linalg.norm(np.diff(rings, axis=0), axis=2).mean(axis=1)
    v = -np.concatenate([[0.0], np.cumsum(fall)])
    return np.stack(np.broadcast_arrays(u[None, :], v[:, None]), axis=2)
