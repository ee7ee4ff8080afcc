"""Ears: rounder than the triangles that the scans' mesh had there, and still whatever the face does."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

STILL = 0.5  # of the mask of the ears, from which on skin belongs to them
KEPT = 0.6  # weight of a vertex' own place against the bending of the surface around it
FADE = 12  # rounds of spreading over which what moves before an ear fades to nothing on it


class Ears:
    """A linear operator on places, modes and units of the ears' vertices."""

    def __init__(self, faces: np.ndarray, region: np.ndarray, mirror: np.ndarray):
        """faces: (F, 3) of the skin; region: (V,) mask of the ears in 0-1; mirror: (V,) the vertex on the other side."""
        count = len(region)
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        joined = (sp.coo_matrix((np.ones(len(ends)), ends.T), (count,) * 2).tocsr() > 0).astype(float)
        joined = joined.maximum(joined.T)
        joined = joined.maximum(joined[mirror][:, mirror])  # triangles are cut another way there
        around = sp.diags(1 / np.maximum(joined.sum(axis=1).A1, 1)) @ joined
        region = np.maximum(region, region[mirror])
        self.own = np.flatnonzero(region > STILL)
        self.bends = (sp.eye(count) - around).tocsr()[self.own]
        self.mine = self.bends[:, self.own]
        self.solve = splu((self.mine.T @ self.mine + KEPT**2 * sp.eye(len(self.own))).tocsc()).solve
        moves = 1.0 - (region > 0.02)
        skin = np.unique(faces)
        for _ in range(FADE):
            moves[skin] = np.minimum(moves, 0.5 * moves + 0.5 * (around @ moves))[skin]
        self.moves = moves

    def rounded(self, field: np.ndarray) -> np.ndarray:
        """(V, 3) places or a mode, (V, 3), where the ears bend less."""
        field, rest = field.copy(), field.copy()
        rest[self.own] = 0
        field[self.own] = self.solve(KEPT**2 * field[self.own] - self.mine.T @ (self.bends @ rest))
        return field

    def still(self, unit: np.ndarray) -> np.ndarray:
        """(V, 3) a unit that leaves the ears where they are."""
        return unit * self.moves[:, None]
