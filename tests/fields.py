"""Analytic shapes as fields of occupancy: people, fingers, plates, knots; signed distances, negative inside."""

from __future__ import annotations

import numpy as np

from maquette.geometry.surfaces.lattice import axis

CM = 1 / 102.4  # of the cube: a person of 1.57 m fills 77 % of its height
FINGER = 0.75 * CM  # radius


def occupied(distance: np.ndarray, soft: float = 0.01) -> np.ndarray:
    """0-1 from a signed distance, negative inside; only operations that are the same on every machine."""
    share = np.clip(np.float32(0.5) - distance / np.float32(6 * soft), np.float32(0), np.float32(1))
    return share * share * (3 - 2 * share)


def length(*parts: np.ndarray) -> np.ndarray:
    return np.sqrt(sum(part * part for part in parts))


def ball(centre, radius):
    return lambda x, y, z: length(*(p - np.float32(c) for p, c in zip((x, y, z), centre))) - np.float32(radius)


def limb(start, end, radius):
    """A capsule between two places."""
    start, along = np.float32(start), np.float32(end) - np.float32(start)
    square = along[0] * along[0] + along[1] * along[1] + along[2] * along[2]

    def distance(x, y, z):
        x, y, z = x - start[0], y - start[1], z - start[2]
        t = np.clip((x * along[0] + y * along[1] + z * along[2]) / square, np.float32(0), np.float32(1))
        return length(x - t * along[0], y - t * along[1], z - t * along[2]) - np.float32(radius)

    return distance


def box(*half):
    def distance(x, y, z):
        out = [np.abs(p) - np.float32(h) for p, h in zip((x, y, z), half)]
        return np.maximum(np.maximum(out[0], out[1]), out[2])

    return distance


def torus(large, small):
    return lambda x, y, z: length(length(x, y) - np.float32(large), z) - np.float32(small)


def any_of(*shapes):
    def distance(x, y, z):
        found = shapes[0](x, y, z)
        for shape in shapes[1:]:
            found = np.minimum(found, shape(x, y, z))
        return found

    return distance


def without(shape, hole):
    return lambda x, y, z: np.maximum(shape(x, y, z), -hole(x, y, z))


def man(hand=(0.55, 0.1, 0.05)):
    sides = []
    for s in (-1, 1):
        wrist = (s * hand[0], *hand[1:])
        sides += [limb((s * 0.1, 0.42, 0), wrist, 0.05), limb((s * 0.08, -0.1, 0), (s * 0.13, -0.78, 0), 0.075)]
    return any_of(ball((0, 0.62, 0.02), 0.11), limb((0, -0.05, 0), (0, 0.4, 0), 0.16), *sides)


def fingers(hand=(0.55, 0.1, 0.05)):
    """Five fingers of 1.5 cm, 8 cm long, spread from a hand."""
    tips = [(0.09, 0.0), (0.08, -0.035), (0.075, -0.065), (0.05, -0.08), (0.0, -0.085)]
    hand = np.array(hand)
    spread = [(np.array([0.4 * a, 0.4 * b, 0]), np.array([a, b, 0.01 * i])) for i, (a, b) in enumerate(tips)]
    return [limb(hand + root, hand + tip, FINGER) for root, tip in spread]


def cone(x, y, z):
    """A skirt of 3 cm: open below, hollow."""
    return np.maximum(
        np.abs(length(x, z) - np.float32(0.35) + np.float32(0.4) * y) - np.float32(1.5 * CM),
        np.abs(y) - np.float32(0.4),
    )


def waves(x, y, z):
    """Folds on a column."""
    return length(x, z) - np.float32(0.3) - np.float32(0.2) * (x * y - z * x * x) - np.float32(0.1) * np.abs(y)


def stairs(x, y, z):
    return np.maximum(
        np.maximum(np.abs(x), np.abs(z)) + np.round(y * 6) / np.float32(12) - np.float32(0.4), np.abs(y) - 1
    )


SHAPES = {
    "ball": ball((0.1, 0.2, 0.3), 0.4),
    "small ball": ball((-0.31, 0.27, 0.1), 0.08),
    "ball at the border": ball((0.8, 0.1, -0.7), 0.45),
    "box": box(0.3, 0.5, 0.2),
    "plate": box(0.5, 0.6, 2 * CM),
    "torus": torus(0.5, 0.15),
    "ring": torus(0.6, 1.5 * CM),
    "limb": limb((-0.5, -0.6, 0.1), (0.4, 0.7, -0.2), 0.1),
    "stick": limb((-0.5, -0.6, 0.1), (0.4, 0.7, -0.2), 1.5 * CM),
    "two balls": any_of(ball((-0.3, 0, 0), 0.25), ball((0.3, 0, 0), 0.25)),
    "touching balls": any_of(ball((-0.25, 0, 0), 0.26), ball((0.25, 0, 0), 0.26)),
    "shell": without(ball((0, 0, 0), 0.5), ball((0.05, 0, 0), 0.35)),
    "tunnel": without(box(0.4, 0.4, 0.4), limb((-1, 0.03, 0), (1, 0.03, 0), 0.05)),
    "cup": without(ball((0, 0, 0), 0.5), limb((0, 0.1, 0), (0, 1, 0), 0.4)),
    "skirt": cone,
    "folds": waves,
    "stairs": stairs,
    "person": man(),
    "arms out": man((0.75, 0.45, 0.0)),
    "person with fingers": any_of(man(), *fingers()),
}


class Counted:
    """A field of a shape that counts what it is asked for."""

    def __init__(self, shape):
        self.shape, self.points, self.largest = shape, 0, 0

    def __call__(self, points):
        assert points.dtype == np.float32 and points.shape[1] == 3
        self.points += len(points)
        self.largest = max(self.largest, len(points))
        return occupied(self.shape(*points.T))


def dense(shape, resolution: int) -> np.ndarray:
    at = axis(resolution)
    return np.stack([occupied(shape(x, at[:, None], at[None, :])) + 0 * at[:, None] for x in at])
