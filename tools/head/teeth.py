"""Two rows of teeth. MakeHuman's own are rough strips for attaching others; only their movement is used."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

COLUMNS, ROWS = 25, 4
HALF_WIDTH_M, DEPTH_M = 0.0235, 0.030  # of the arch seen from above, adult: Ferrario et al. 1994, rounded
HEIGHT_M = 0.0110  # of a row, gum included
BULGE_M = 0.0008
BEHIND_LIPS_M = (0.0050, 0.0072)  # upper row, lower row: the lower bites behind the upper
EDGE_M = (-0.0038, -0.0022)  # biting edges over the line where the lips meet


def row_faces() -> np.ndarray:
    """(F, 3) of one row, a grid of ROWS x COLUMNS, facing outwards."""
    grid = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    quads = np.stack([a, b, c, d], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def rows_like(guides: list[np.ndarray], count: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """Faces of both rows, weights (2 * ROWS * COLUMNS, count): each row moves like the mean of its guide vertices."""
    size = ROWS * COLUMNS
    blocks = []
    for guide in guides:
        used = np.unique(guide)
        mean = sp.csr_matrix((np.full(len(used), 1 / len(used)), (np.zeros(len(used), int), used)), (1, count))
        blocks.append(sp.vstack([mean] * size))
    return np.concatenate([row_faces(), row_faces() + size]), sp.vstack(blocks).tocsr()


def places(lips: np.ndarray) -> np.ndarray:
    """(2 * ROWS * COLUMNS, 3) metres: upper row, then lower, for lips that meet at `lips` (3,) in the middle."""
    t = np.linspace(-1.25, 1.25, COLUMNS)
    rows = []
    for side, behind, edge in zip((1, -1), BEHIND_LIPS_M, EDGE_M):
        heights = np.linspace(0, HEIGHT_M, ROWS) if side > 0 else np.linspace(-HEIGHT_M, 0, ROWS)
        bulge = BULGE_M * np.sin(np.pi * np.linspace(0, 1, ROWS))
        for height, out in zip(heights, bulge):
            x, z = (HALF_WIDTH_M + out) * np.sin(t), -DEPTH_M * (1 - np.cos(t)) + out
            rows.append(np.stack([x, np.full_like(x, lips[1] + edge + height), lips[2] - behind + z], axis=1))
    return np.concatenate(rows)
