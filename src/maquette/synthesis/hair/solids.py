"""Hair that leaves the head: long, tied, in a bun, in curls; and brims and bags. Closed solids on a posed body."""

from __future__ import annotations

import numpy as np

from maquette.geometry.alignment import Similarity
from maquette.synthesis.anatomy.bust import smooth_step
from maquette.synthesis.clothing.drape import ROW_M, Solid, hang, pleated, shell, supports
from maquette.synthesis.clothing.garments import Wearer

Array = np.ndarray
STYLES = {
    "woman": {"short": 0.2, "bob": 0.15, "long": 0.3, "tail": 0.13, "bun": 0.1, "curls": 0.12},
    "man": {"short": 0.8, "bob": 0.04, "long": 0.04, "tail": 0.02, "bun": 0.02, "curls": 0.08},
}
CROWN, CHIN = 0.985, 0.80  # metres, heights on the average body in its rest pose
AROUND = 20


def draw_style(rng: np.random.Generator, gender: float) -> str:
    """A key of STYLES' rows; gender 0 female to 1 male."""
    shares = STYLES["man" if gender > 0.5 else "woman"]
    return list(shares)[rng.choice(len(shares), p=list(shares.values()))]


def head_motion(wearer: Wearer) -> Similarity:
    """From the rest pose to the posed head."""
    return wearer.frame((wearer.form.head > 0.9) & (wearer.form.rest[:, 1] > CHIN + 0.02))


def falling(wearer: Wearer, style: str, rng: np.random.Generator) -> Solid:
    """Loose hair about the head and down the neck and back, open before the face; "bob" or "long"."""
    form, motion = wearer.form, head_motion(wearer)
    length = rng.uniform(0.0, 0.05) if style == "bob" else rng.uniform(0.1, 0.34)
    crown, chin = (float(wearer.rest[np.abs(form.rest[:, 1] - y) < 0.012, 1].mean()) for y in (CROWN, CHIN))
    heights = np.arange(crown, chin - length, -0.75 * ROW_M)
    near = (form.arms < 0.1) & (np.abs(form.rest[:, 0]) < 0.1) & (form.rest[:, 1] > 0.35)
    points = motion.inverse().apply(wearer.dressed[near])
    fall = heights[0] - heights
    volume = rng.uniform(0.006, 0.03)
    ease = -0.014 + (0.014 + volume) * smooth_step(fall / 0.06)
    # The shoulders carry no hair out sideways: what lies wide there falls behind or before them.
    reach = supports(points, heights)
    reach = np.minimum(reach, reach[(heights > chin)].max(axis=0) + 0.35 * np.clip(chin - heights, 0, None)[:, None])
    gravity = motion.rotation.T @ np.array([0.0, -1, 0])
    drift = np.clip(gravity[[0, 2]] / max(-gravity[1], 0.4), -1, 1)
    rows = hang(reach, heights, ease, rng.uniform(0.1, 0.4), drift * 0.8)
    rows = pleated(rows, rng, np.full(len(heights), rng.uniform(0.003, 0.009)) * smooth_step(fall / 0.08), 18)
    face = rng.uniform(1.0, 1.35)
    gap = face * smooth_step((fall - 0.01) / 0.05) * (1 - 0.1 * smooth_step((fall - 0.2) / 0.1)) + 0.02
    solid = shell(rows, gap, rng.uniform(0.035, 0.05))
    return _carried(solid, motion)


def tied(wearer: Wearer, style: str, rng: np.random.Generator) -> Solid:
    """A tail or a bun at the back of the head."""
    form, motion = wearer.form, head_motion(wearer)
    height = rng.uniform(0.91, 0.99) if style == "tail" else rng.uniform(0.9, 1.02)
    near = (np.abs(form.rest[:, 1] - min(height, 1.0)) < 0.012) & (form.head > 0.5)
    back = wearer.rest[near]
    root = np.array(
        [0.0, back[:, 1].mean() + max(height - 1.0, 0), back[:, 2].min() + 0.02 + 2.5 * max(height - 0.98, 0)]
    )
    if style == "bun":
        radius = rng.uniform(0.032, 0.055)
        return _carried(ball(root + [0, 0, -0.6 * radius], np.array([1, 0.9, 0.9]) * radius), motion)
    length, t = rng.uniform(0.15, 0.42), np.linspace(0, 1, 16)[:, None]
    # Out from the head, then down: told in the head's frame but falling in the world.
    down = motion.rotation.T @ np.array([0.0, -1, 0])
    out = np.array([0.06 * rng.normal(), 0.1, -1])
    path = root + out * 0.075 * np.sin(np.minimum(2.2 * t, 1.5)) + length * down * t**1.3
    radii = rng.uniform(0.02, 0.034) * (0.55 + np.sin(np.pi * np.minimum(t[:, 0] * 0.9 + 0.12, 1)) * 0.7)
    return _carried(swept(path, radii), motion)


def brim(wearer: Wearer, rng: np.random.Generator) -> Solid:
    """The brim of a hat, or the shade of a cap."""
    motion, cap = head_motion(wearer), rng.random() < 0.5
    face = wearer.rest[(wearer.form.head > 0.9) & (np.abs(wearer.form.rest[:, 1] - 0.955) < 0.015)]
    middle = (face.max(axis=0) + face.min(axis=0)) / 2
    if cap:
        return _carried(ball(middle + [0, 0.004, 0.085], np.array([0.072, 0.007, 0.085])), motion)
    return _carried(ball(middle, np.array([1, 0.055, 1.05]) * rng.uniform(0.14, 0.19)), motion)


def bag(wearer: Wearer, rng: np.random.Generator) -> Solid:
    """A rucksack on the back or a bag at the hip."""
    form = wearer.form
    back = rng.random() < 0.5
    level = 0.42 if back else 0.02
    near = (np.abs(form.waist - level) < 0.09) & (form.arms < 0.1)
    place, motion = wearer.rest[near], wearer.frame(near)
    if back:
        size = np.array([rng.uniform(0.12, 0.17), rng.uniform(0.17, 0.26), rng.uniform(0.05, 0.11)])
        at = [0, place[:, 1].mean() - 0.03, place[:, 2].min() - 0.6 * size[2]]
    else:
        size = np.array([rng.uniform(0.03, 0.06), rng.uniform(0.08, 0.15), rng.uniform(0.1, 0.17)])
        side = rng.choice([-1, 1])
        at = [side * (place[:, 0].max() + 0.9 * size[0]), place[:, 1].mean() - 0.05, place[:, 2].mean()]
    return _carried(ball(np.array(at), size, 0.35), motion)


def swept(path: Array, radii: Array) -> Solid:
    """A tube with rounded ends along a path (N, 3), metres; radii (N,)."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [1.0, 0.05, 0.1])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    turn = np.arange(AROUND) * 2 * np.pi / AROUND
    other = np.cross(along, across)
    rings = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * other[:, None]
    return _tube(path[:, None] + radii[:, None, None] * rings)


def ball(middle: Array, radii: Array, power: float = 1.0) -> Solid:
    """An ellipsoid, metres; with a power below 1 a rounded box."""
    polar = np.linspace(0.03, np.pi - 0.03, 14)
    turn = -np.arange(AROUND) * 2 * np.pi / AROUND

    def bent(values: Array) -> Array:
        return np.sign(values) * np.abs(values) ** power

    x = bent(np.sin(polar))[:, None] * bent(np.sin(turn))
    z = bent(np.sin(polar))[:, None] * bent(np.cos(turn))
    y = np.broadcast_to(bent(np.cos(polar))[:, None], x.shape)
    return _tube(middle + radii * np.stack([x, y, z], axis=2))


def _tube(rings: Array) -> Solid:
    """(N, M, 3) rings, one after the other, closed at both ends."""
    count, columns = rings.shape[:2]
    grid = np.arange(count * columns).reshape(count, columns)
    after = np.roll(grid, -1, axis=1)
    a, b, c, d = (g.ravel() for g in (grid[:-1], grid[1:], after[1:], after[:-1]))
    first, last = count * columns, count * columns + 1
    ends = [
        np.stack([grid[0], after[0], np.full(columns, first)], 1)[:, [0, 2, 1]],
        np.stack([grid[-1], after[-1], np.full(columns, last)], 1),
    ]
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1), *ends]).astype(np.int32)
    vertices = np.concatenate([rings.reshape(-1, 3), [rings[0].mean(0), rings[-1].mean(0)]]).astype(np.float32)
    off = vertices[faces].astype(np.float64) - vertices.mean(axis=0)
    if np.linalg.det(off).sum() < 0:  # the rings run the other way round
        faces = faces[:, ::-1]
    u = np.tile(np.arange(columns) * 0.01, count)
    v = np.repeat(np.arange(count) * -0.02, columns)
    cloth = np.concatenate([np.stack([u, v], 1), [[0, 0], [0, v[-1]]]]).astype(np.float32)
    return Solid(vertices, faces, cloth, faces)


def _carried(solid: Solid, motion: Similarity) -> Solid:
    return Solid(motion.apply(solid.vertices).astype(np.float32), solid.faces, solid.cloth, solid.cloth_faces)
