"""Hair as closed solids on a posed body, loose or tied: for persons seen from head to foot."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.anatomy.wearer import CHIN, Wearer
from maquette.synthesis.hanging import ROW_M, hang_rows, open_garment, pleated, supports
from maquette.synthesis.solids import ChartedSolid, rounded_box, swept_tube
from maquette.texturing.images import smoothstep

HAIRDOS = {
    "woman": {"short": 0.2, "bob": 0.15, "long": 0.3, "tail": 0.13, "bun": 0.1, "curls": 0.12},
    "man": {"short": 0.8, "bob": 0.04, "long": 0.04, "tail": 0.02, "bun": 0.02, "curls": 0.08},
}
CROWN = 0.985  # metres, its height on the average body in its rest pose


def draw_hairdo(rng: np.random.Generator, gender: float) -> str:
    """A key of HAIRDOS' rows; gender 0 female to 1 male."""
    shares = HAIRDOS["man" if gender > 0.5 else "woman"]
    return list(shares)[rng.choice(len(shares), p=list(shares.values()))]


def loose_hair(wearer: Wearer, style: str, rng: np.random.Generator) -> ChartedSolid:
    """Loose hair about the head and down the neck and back, open before the face; "bob" or "long"."""
    mesh, motion = wearer.mesh, wearer.head_motion()
    length = rng.uniform(0.0, 0.05) if style == "bob" else rng.uniform(0.1, 0.34)
    crown, chin = (float(wearer.rest[np.abs(mesh.rest[:, 1] - y) < 0.012, 1].mean()) for y in (CROWN, CHIN))
    heights = np.arange(crown, chin - length, -0.75 * ROW_M)
    near = (mesh.arms < 0.1) & (np.abs(mesh.rest[:, 0]) < 0.1) & (mesh.rest[:, 1] > 0.35)
    points = motion.inverse().apply(wearer.dressed[near])
    fall = heights[0] - heights
    volume = rng.uniform(0.006, 0.03)
    ease = -0.014 + (0.014 + volume) * smoothstep(fall / 0.06, 0, 1)
    # The shoulders carry no hair out sideways: what lies wide there falls behind or before them.
    reach = supports(points, heights)
    reach = np.minimum(reach, reach[(heights > chin)].max(axis=0) + 0.35 * np.clip(chin - heights, 0, None)[:, None])
    gravity = motion.rotation.T @ np.array([0.0, -1, 0])
    drift = np.clip(gravity[[0, 2]] / max(-gravity[1], 0.4), -1, 1)
    rows = hang_rows(reach, heights, ease, rng.uniform(0.1, 0.4), drift * 0.8)
    rows = pleated(rows, rng, np.full(len(heights), rng.uniform(0.003, 0.009)) * smoothstep(fall / 0.08, 0, 1), 18)
    face = rng.uniform(1.0, 1.35)
    gap = face * smoothstep((fall - 0.01) / 0.05, 0, 1) * (1 - 0.1 * smoothstep((fall - 0.2) / 0.1, 0, 1)) + 0.02
    solid = open_garment(rows, gap, rng.uniform(0.035, 0.05))
    return solid.moved(motion)


def tied_hair(wearer: Wearer, style: str, rng: np.random.Generator) -> ChartedSolid:
    """A tail or a bun at the back of the head."""
    mesh, motion = wearer.mesh, wearer.head_motion()
    height = rng.uniform(0.91, 0.99) if style == "tail" else rng.uniform(0.9, 1.02)
    near = (np.abs(mesh.rest[:, 1] - min(height, 1.0)) < 0.012) & (mesh.head > 0.5)
    back = wearer.rest[near]
    root = np.array(
        [0.0, back[:, 1].mean() + max(height - 1.0, 0), back[:, 2].min() + 0.02 + 2.5 * max(height - 0.98, 0)]
    )
    if style == "bun":
        radius = rng.uniform(0.032, 0.055)
        return rounded_box(root + np.array([0, 0, -0.6 * radius]), np.array([1, 0.9, 0.9]) * radius).moved(motion)
    length, t = rng.uniform(0.15, 0.42), np.linspace(0, 1, 16)[:, None]
    # Out from the head, then down: given in the head's frame but falling in the world.
    down = motion.rotation.T @ np.array([0.0, -1, 0])
    out = np.array([0.06 * rng.normal(), 0.1, -1])
    path = root + out * 0.075 * np.sin(np.minimum(2.2 * t, 1.5)) + length * down * t**1.3
    radii = rng.uniform(0.02, 0.034) * (0.55 + np.sin(np.pi * np.minimum(t[:, 0] * 0.9 + 0.12, 1)) * 0.7)
    return swept_tube(path, radii).moved(motion)
