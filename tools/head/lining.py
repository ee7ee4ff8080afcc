"""The mouth: its lining moves with the skin that lies close over it, and lips at rest meet on every head."""

from __future__ import annotations

import numpy as np

from maquette.geometry.raycast import RayCaster

CENTRE_BEHIND_LIPS_M = 0.045  # of the mouth: from there the skin lies outwards
LEAST_M = 0.0035  # of flesh between lining and skin, away from the lips' rim
FADE_M = 0.006  # from the lips' rim within which a lip is drawn to the other
FOLLOWS_M = (0.008, 0.018)  # lining this near behind the skin moves with it; this far, on its own


class Lining:
    """Which skin lies over each vertex of the lining, on the mean head."""

    def __init__(self, mean: np.ndarray, faces: np.ndarray, skin: np.ndarray, lining: np.ndarray, lips: np.ndarray):
        """skin: faces' rows of the skin; lining: vertices of the mouth, its rim too; lips: (3,) where they meet."""
        self.faces = faces[skin]
        rim = np.intersect1d(lining, self.faces)
        own = np.setdiff1d(lining, self.faces)
        out = mean[own] - lips + [0.0, 0.0, CENTRE_BEHIND_LIPS_M]
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        # Starting behind: lining that already lies before the skin has its place over it too.
        hit, self.weights, _ = RayCaster(mean, self.faces).first_hits(mean[own] - 0.004 * out, out)
        near = hit >= 0
        self.vertices, self.hit, self.weights, self.out = own[near], hit[near], self.weights[near], out[near]
        gap = mean[self.vertices, None] - mean[None, rim]
        self.from_rim = np.linalg.norm(gap, axis=2).min(axis=1)
        self.flesh = np.einsum("nd,nd->n", self.over(mean) - mean[self.vertices], self.out)

    def over(self, field: np.ndarray) -> np.ndarray:
        """(N, 3) the field (V, 3) at the skin over each vertex."""
        return np.einsum("nk,nkd->nd", self.weights, field[self.faces[self.hit]])

    def sunk(self, mean: np.ndarray) -> np.ndarray:
        """(V, 3) the mean with enough flesh before the lining; less towards the rim, where both meet."""
        wanted = np.minimum(LEAST_M, 0.6 * self.from_rim)
        mean = mean.copy()
        mean[self.vertices] -= np.maximum(wanted - self.flesh, 0)[:, None] * self.out
        return mean

    def led(self, field: np.ndarray) -> np.ndarray:
        """(V, 3) a mode or unit in which lining close behind the skin moves with it."""
        near, far = FOLLOWS_M
        share = np.clip((far - self.flesh) / (far - near), 0, 1)[:, None]
        field = field.copy()
        field[self.vertices] += share * (self.over(field) - field[self.vertices])
        return field


class Seal:
    """Upper and lower lip, and which places of their rims face each other on the mean head."""

    def __init__(self, mean: np.ndarray, rim: np.ndarray, jaw_open: np.ndarray, around: np.ndarray):
        """rim: vertices where skin and lining join; jaw_open: (V, 3) metres; around: vertices that may be moved."""
        drop = -jaw_open[:, 1]
        lower = drop[rim] > drop[rim].max() / 2
        self.rims = (rim[~lower], rim[lower])
        self.around = around
        far = [np.linalg.norm(mean[around, None] - mean[None, one], axis=2).min(axis=1) for one in self.rims]
        fade = np.exp(-((np.minimum(*far) / FADE_M) ** 2))
        below = drop[around] > drop[rim].max() / 2
        self.share = fade * np.where(below, 0.5, -0.5)
        self.mean = mean

    def gap(self, field: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(N, 3) the upper rim's field (V, 3) less the lower rim's, at places x (N,) across the mouth."""
        over, under = ([self.along(field, one, x, axis) for axis in range(3)] for one in self.rims)
        return np.transpose(over) - np.transpose(under)

    def along(self, field: np.ndarray, rim: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
        """(N,) one axis of the field along a rim."""
        order = rim[np.argsort(self.mean[rim, 0])]
        return np.interp(x, self.mean[order, 0], field[order, axis])

    def closed(self, field: np.ndarray, like: np.ndarray | float = 0.0) -> np.ndarray:
        """(V, 3) a mode by which both lips move alike along their rims; a mean whose lips meet as those of `like`."""
        field, x = field.copy(), self.mean[self.around, 0]
        field[self.around] += self.share[:, None] * self.gap(field - like, x)
        return field
