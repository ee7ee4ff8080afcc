"""What scans do not say, shaped after the modes are found: nostrils, round ears, the inside of the mouth.

Only local places change, on the mean and on all modes alike, so that weights mean the same people as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from head import lids
from head.lining import TO_THE_CORNERS, Behind, Lining, Seal, corners_sunk, corners_tucked
from head.nostrils import Nostril
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.mesh import adjacency
from maquette.morphable import Embedding

Arrays = dict[str, np.ndarray]
STILL = 0.5  # of the mask of the ears, from which on skin belongs to them
KEPT = 0.6  # weight of a vertex' own place against the bending of the surface around it
FADE = 12  # rounds of spreading over which what moves before an ear fades to nothing on it
LEVEL = 0.4  # how steeply skin over the mouth's lining is looked for: the lip before it, not the nose above
MOVED_M = 5e-5  # landmarks that a local change moves more are put back


class Fields(NamedTuple):
    """A head: mean (V, 3), identity modes (K, V, 3) and expression units (E, V, 3), metres."""

    mean: np.ndarray
    basis: np.ndarray
    units: np.ndarray


def shaped(head: Fields, base: Arrays, part: Arrays, lips: np.ndarray, jaw_open: np.ndarray) -> Fields:
    """The head with its details.

    Args:
        base: tensors whose topology and regions it has. part: vertices by name of the part.
        lips: (3,) metres, where they meet. jaw_open: (V, 3) metres, the unit as given.
    """
    skin, rim = base["faces"][base["part.skin"]], np.intersect1d(part["skin"], part["mouth"])
    ends = Seal(head.mean, rim, jaw_open, np.union1d(part["skin"], part["mouth"]), TO_THE_CORNERS)
    level = Lining.of_mouth(head.mean, skin, part["mouth"], lips, LEVEL)
    ears = Ears(skin, base["region.ears"].astype(float), base["mirror"])
    mean = corners_tucked(ends.lapped(corners_sunk(head.mean, part["mouth"], rim, lips)), base["mirror"])
    mean = ears.rounded(mean)
    nostrils = [Nostril(mean, base["faces"], part["skin"], side) for side in (None, base["mirror"])]
    mean = reduce(lambda shape, nostril: nostril.hollowed(shape), nostrils, mean)
    basis = np.stack([ears.rounded(led(ends.closed(mode), [level, *nostrils])) for mode in head.basis])
    units = np.stack([ears.still(led(unit, nostrils)) for unit in head.units])
    return Fields(mean, basis, units)


def led(field: np.ndarray, inner: Sequence[Lining | Behind | Nostril | lids.OnBall]) -> np.ndarray:
    """(V, 3) a mode or unit that each of the inner parts follows."""
    return reduce(lambda moved, part: part.led(moved), inner, field)


def held(points: Embedding, before: np.ndarray, after: np.ndarray, faces: np.ndarray, skin: np.ndarray) -> Embedding:
    """The points with those that a new mean moves put back onto the skin nearest to where they were.

    Args:
        before, after: (V, 3) metres, means. faces: (F, 3). skin: those of the skin among them.
    """
    old = points.points(before, faces)
    moved = np.linalg.norm(points.points(after, faces) - old, axis=1) > MOVED_M
    on, _, found = ClosestPoints(Shape(after, faces[skin].astype(int))).query(old[moved])
    corners = after[faces[skin[found]]]
    weights = np.linalg.solve(np.swapaxes(corners, 1, 2), on[..., None])[..., 0].clip(0)
    new = Embedding(points.faces.copy(), points.barycentric.copy())
    new.faces[moved], new.barycentric[moved] = skin[found], weights / weights.sum(axis=1, keepdims=True)
    return new


class Ears:
    """A linear operator on places, modes and units of the ears' vertices."""

    def __init__(self, faces: np.ndarray, region: np.ndarray, mirror: np.ndarray):
        """faces: (F, 3) of the skin; region: (V,) mask of the ears in 0-1; mirror: (V,) vertices on the other side."""
        count = len(region)
        joined = adjacency(faces, count)
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
