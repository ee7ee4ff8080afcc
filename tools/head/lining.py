"""The mouth: its lining moves with the skin that lies close over it, and lips at rest meet on every head."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from maquette.geometry.raycast import RayCaster

CENTRE_BEHIND_LIPS_M = 0.045  # of the mouth: from there the skin lies outwards
LEAST_M, LEAST_LID_M = 0.0035, 0.0006  # of flesh between lining and skin, away from the lips' rim; in lids
SOCKET = 1.7  # radii of the eyeball within which skin behind other skin lines its socket
LID_M = 0.005  # thicker is no lid, but the nose
SKIN_M = 0.0003  # from a vertex, beyond which skin is other skin
FADE_M = 0.006  # from the lips' rim within which a lip is drawn to the other
CORNER_M, CORNER_DEPTH_M = 0.004, 0.0025  # from the ends of the lips' rim within which they are drawn in; how far
TO_THE_CORNERS = 0.42  # of the lips' largest drop: what drops more is the lower lip, its ends too
LAP_M, LAP_FROM_M = 0.0015, (0.011, 0.018)  # of the rims past each other; from where on, across, to where it is full
FOLD = (2639, 2643, 2644, 2645, 2646, 2647, 2648, 2649, 2650)  # of anny's skin, in the fold of the left corner
FOLD_LIPS = {2672: 2662, 3673: 3701, 3672: 3702, 3670: 3703, 2640: 3704}  # lower lip's edge beside the upper one's
TUCK_M = 0.0010  # of the fold behind those, which hung out as a hook
LIPS_APART_M = 0.0001
FOLLOWS_M = (0.05, 0.08)  # lining this near behind the skin moves with it; this far, on its own


class Lining:
    """Which skin lies over each vertex of a lining, on the mean head."""

    def __init__(
        self,
        mean: np.ndarray,
        skin: np.ndarray,
        own: np.ndarray,
        rim: np.ndarray,
        middle: np.ndarray,
        start: float,
        least: float,
        rise: float = 1.0,
    ):
        """skin: (F, 3) faces; own, rim: vertices of the lining and where it ends; middle: (3,), the skin lies outwards.

        start: metres outwards of a vertex, from where on skin is looked for. least: metres of flesh wanted;
            rise: 0 to look for it levelly.
        """
        self.faces, self.least = skin, least
        out = (mean[own] - middle) * [1.0, rise, 1.0]
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        hit, self.weights, _ = RayCaster(mean, skin).first_hits(mean[own] + start * out, out)
        near = hit >= 0
        self.vertices, self.hit, self.weights, self.out = own[near], hit[near], self.weights[near], out[near]
        self.from_rim = cKDTree(mean[rim]).query(mean[self.vertices])[0]
        self.flesh = np.einsum("nd,nd->n", self.over(mean) - mean[self.vertices], self.out)

    @classmethod
    def of_mouth(
        cls, mean: np.ndarray, skin: np.ndarray, mouth: np.ndarray, lips: np.ndarray, rise: float = 1.0
    ) -> Lining:
        """skin: (F, 3) faces; mouth: vertices of the cavity, its rim too; lips: (3,) where they meet."""
        # Starting behind: lining that already lies before the skin has its place over it too.
        middle, own = lips - [0.0, 0.0, CENTRE_BEHIND_LIPS_M], np.setdiff1d(mouth, skin)
        return cls(mean, skin, own, np.intersect1d(mouth, skin), middle, -0.004, LEAST_M, rise)

    @classmethod
    def of_socket(cls, mean: np.ndarray, skin: np.ndarray, ball: np.ndarray) -> Lining:
        """The skin behind the lids; skin: (F, 3) faces; ball: vertices of the eyeball."""
        centre = (mean[ball].min(axis=0) + mean[ball].max(axis=0)) / 2
        reach = SOCKET * np.ptp(mean[ball], axis=0).max() / 2
        around = np.unique(skin)
        around = around[np.linalg.norm(mean[around] - centre, axis=1) < reach]
        found = cls(mean, skin, around, around, centre, SKIN_M, LEAST_LID_M)
        behind = found.vertices[found.flesh < LID_M]
        inside = np.isin(skin, behind)
        rim = np.setdiff1d(skin[inside.any(axis=1)], behind)
        return cls(mean, skin, behind, rim, centre, SKIN_M, LEAST_LID_M)

    def over(self, field: np.ndarray) -> np.ndarray:
        """(N, 3) the field (V, 3) at the skin over each vertex."""
        return np.einsum("nk,nkd->nd", self.weights, field[self.faces[self.hit]])

    def sunk(self, mean: np.ndarray) -> np.ndarray:
        """(V, 3) the mean with enough flesh before the lining; less towards the rim, where both meet."""
        wanted = np.minimum(self.least, 0.6 * self.from_rim)
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


def corners_sunk(mean: np.ndarray, mouth: np.ndarray, rim: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(V, 3) the mean with the corners of the mouth drawn in, so that on no head lining comes through the skin there.

    Args:
        mouth: vertices of the cavity, its rim too; rim: where it ends. lips: (3,) where they meet.
    """
    mean = mean.copy()
    ends = mean[rim[[mean[rim, 0].argmin(), mean[rim, 0].argmax()]]]
    share = np.exp(-((cKDTree(ends).query(mean[mouth])[0] / CORNER_M) ** 2))
    out = mean[mouth] - lips + [0.0, 0.0, CENTRE_BEHIND_LIPS_M]
    mean[mouth] -= CORNER_DEPTH_M * share[:, None] * out / np.linalg.norm(out, axis=1, keepdims=True)
    return mean


def corners_tucked(mean: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(V, 3) the mean with the fold in each corner of the mouth drawn in behind the lips. mirror: (V,) vertices."""
    mean = mean.copy()
    for side in (np.arange(len(mean)), mirror):
        fold, lower, upper = side[list(FOLD)], side[list(FOLD_LIPS)], side[list(FOLD_LIPS.values())]
        mean[lower, 1] = mean[upper, 1] - LIPS_APART_M
        mean[fold, 1] = np.interp(np.abs(mean[fold, 0]), np.abs(mean[upper, 0]), mean[upper, 1])
        mean[fold, 2] = np.minimum(
            mean[fold, 2], np.interp(np.abs(mean[fold, 0]), np.abs(mean[upper, 0]), mean[upper, 2]) - TUCK_M
        )
    return mean


class Behind:
    """A hard part of the mouth that an identity moves, stretches and turns as it does the skin over it."""

    def __init__(self, mean: np.ndarray, skin: np.ndarray, own: np.ndarray, lips: np.ndarray):
        """skin: (F, 3) faces; own: vertices of the part; lips: (3,) where they meet."""
        self.own, self.faces = own, skin
        out = mean[own] - lips + [0.0, 0.0, CENTRE_BEHIND_LIPS_M]
        hit, weights, _ = RayCaster(mean, self.faces).first_hits(
            mean[own], out / np.linalg.norm(out, axis=1, keepdims=True)
        )
        self.hit, self.weights = hit[hit >= 0], weights[hit >= 0]
        size = np.ptp(mean[own], axis=0)
        places = np.column_stack([(mean[own] - mean[own].mean(axis=0)) / size, np.ones(len(own))])
        seen = places[hit >= 0]
        # A little ridge: a flat row must not be stretched by what it says nothing of.
        self.carry = places @ np.linalg.solve(seen.T @ seen + 0.01 * len(seen) * np.diag([1, 1, 1, 0]), seen.T)

    def led(self, field: np.ndarray) -> np.ndarray:
        """(V, 3) a mode in which the part moves by the affine map that fits the skin over it best."""
        over = np.einsum("nk,nkd->nd", self.weights, field[self.faces[self.hit]])
        field = field.copy()
        field[self.own] = self.carry @ over
        return field


class Seal:
    """Upper and lower lip, and which places of their rims face each other on the mean head."""

    def __init__(self, mean: np.ndarray, rim: np.ndarray, jaw_open: np.ndarray, around: np.ndarray, part: float = 0.5):
        """rim: vertices where skin and lining join; jaw_open: (V, 3) metres; around: vertices that may be moved.

        part: of the rim's largest drop, from which on it is the lower lip's.
        """
        drop = -jaw_open[:, 1]
        least = part * drop[rim].max()
        lower = drop[rim] > least
        self.rims = (rim[~lower], rim[lower])
        self.around = around
        far = [np.linalg.norm(mean[around, None] - mean[None, one], axis=2).min(axis=1) for one in self.rims]
        fade = np.exp(-((np.minimum(*far) / FADE_M) ** 2))
        below = drop[around] > least
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

    def closed(self, field: np.ndarray, like: np.ndarray | float = 0.0, press: float = 0.0) -> np.ndarray:
        """(V, 3) a mode by which both lips move alike along their rims; a mean whose lips meet as those of `like`.

        Args:
            press: metres by which the lips of a mean are brought closer still.
        """
        field, x = field.copy(), self.mean[self.around, 0]
        field[self.around] += self.share[:, None] * (self.gap(field - like, x) + np.array([0.0, press, 0.0]))
        return field

    def lapped(self, mean: np.ndarray) -> np.ndarray:
        """(V, 3) the mean with the rims, which lie behind the lips, drawn past each other towards the corners."""
        mean = mean.copy()
        from_middle, (start, full) = np.abs(self.mean[:, 0]), LAP_FROM_M
        for rim, down in zip(self.rims, (-1, 1)):
            mean[rim, 1] += down * LAP_M * np.clip((from_middle[rim] - start) / (full - start), 0, 1)
        return mean
