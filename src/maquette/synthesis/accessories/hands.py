"""A hand before the face, empty or with a phone, a cup or a microphone. Metres, canonical world frame, linear RGB.

Hand measures after Greiner 1991, Hand anthropometry of U.S. Army personnel: length 0.19 m, breadth 0.085 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import MorphableModel
from maquette.synthesis.solids import Solid, ball, block, joined, tube
from maquette.synthesis.types import Kind, SceneSurface

# Hand frame: x towards the thumb, y from wrist to fingertips, z out of the back of the hand. Knuckle and length of
# index, middle, ring and little finger, metres.
KNUCKLES = np.array([[0.030, 0.046], [0.010, 0.051], [-0.011, 0.048], [-0.030, 0.038]])
LENGTHS = np.array([0.076, 0.084, 0.078, 0.061])
THICK = np.array([0.0085, 0.0088, 0.0083, 0.0072])
# Where hands go: what it is over (MediaPipe points), how far before it in metres, what it holds.
PLACES = {
    "mouth": ((13, 14, 17), 0.020),
    "cheek": ((117, 123, 50), 0.016),
    "forehead": ((10, 151, 109), 0.018),
    "eye": ((159, 145, 6), 0.030),
    "chin": ((152, 199, 148), 0.018),
}


def draw_hand(
    model: MorphableModel, vertices: NDArray, skin_color: NDArray, rng: np.random.Generator
) -> list[SceneSurface]:
    """A hand before a face with vertices (V, 3).

    Args:
        skin_color: (3,) linear RGB.

    Returns:
        the hand with its forearm, and what it holds.
    """
    places = model.embeddings["mediapipe478"].points(vertices, model.faces)
    scale = float(np.linalg.norm(places[33] - places[263]) / 0.09) * np.exp(rng.normal(0.02, 0.06))
    held = rng.choice(["nothing", "phone", "cup", "microphone"], p=[0.55, 0.2, 0.15, 0.1])
    left = rng.random() < 0.5
    if held == "nothing":
        hand, frame = _open_hand(places, left, scale, rng)
        things: list[SceneSurface] = []
    else:
        hand, frame, things = _holding(places, left, scale, held, rng)
    shape, faces = joined([frame.placed(solid) for solid in hand])
    if left:
        faces = faces[:, ::-1]  # the frame of a left hand is mirrored
    albedo = skin_color * np.exp(rng.normal(0, 0.05, (len(shape), 1))) * [1.04, 0.97, 0.95]
    skin = SceneSurface(
        shape,
        np.ascontiguousarray(faces),
        Kind.OCCLUDER,
        albedo.astype(np.float32),
        roughness=0.5,
        specular=0.028,
        two_sided=True,
    )
    return [skin, *things]


@dataclass(frozen=True, eq=False)
class HandFrame:
    """Where a hand is: origin (3,) metres, world, and axes (3, 3) in rows, scale included."""

    origin: NDArray
    axes: NDArray

    def placed(self, solid: Solid) -> Solid:
        """A solid of the hand's frame in the world."""
        return Solid((self.origin + solid.vertices @ self.axes).astype(np.float32), solid.faces)


def _axes(left: bool, tilt: float, lean: float, scale: float) -> NDArray:
    """(3, 3) rows x, y, z of a hand before the face, palm to the face; tilt about z, lean about x, radians."""
    mirror = -1.0 if left else 1.0
    # Seen from before the face, the back of the right hand has its thumb on the subject's left.
    x, y, z = np.array([mirror, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, 1.0])
    x, y = np.cos(tilt) * x + np.sin(tilt) * y * mirror, np.cos(tilt) * y - np.sin(tilt) * x * mirror
    y, z = np.cos(lean) * y + np.sin(lean) * z, np.cos(lean) * z - np.sin(lean) * y
    return np.stack([x, y, z]) * scale


def _hand(bend: NDArray, spread: float, thumb_out: float, thumb_in: float) -> list[Solid]:
    """A hand in its frame: palm, fingers bent by `bend` (4,) radians at each joint, thumb and forearm; radians."""
    palm = [
        ball(np.array([0.0, 0.008, 0.0]), np.diag([0.041, 0.052, 0.0135])),
        ball(np.array([0.004, 0.028, 0.001]), np.diag([0.039, 0.030, 0.0125])),
        ball(np.array([0.024, -0.014, -0.006]), np.array([[0.014, -0.010, 0], [0.012, 0.028, 0], [0, 0, 0.014]])),
    ]
    for k in range(4):
        angle = np.cumsum(np.array([0.45, 1.0, 0.8]) * bend[k])
        fan = spread * (1.2 - 0.8 * k)
        joints = [np.array([KNUCKLES[k, 0] * 0.92, KNUCKLES[k, 1] - 0.014, 0.0]), np.array([*KNUCKLES[k], 0.002])]
        for part, turn in zip((0.46, 0.30, 0.24), angle):
            step = np.array([np.sin(fan) * np.cos(turn), np.cos(fan) * np.cos(turn), -np.sin(turn)])
            joints.append(joints[-1] + part * LENGTHS[k] * step)
        palm += _finger(np.array(joints), THICK[k])
    base = np.array([0.026, -0.022, -0.006])
    way = np.array([np.sin(thumb_out), np.cos(thumb_out), -np.sin(thumb_in)])
    second = way * [0.75, 1.05, 1.0]
    knuckle = base + 0.036 * way
    palm += _finger(np.array([base, knuckle, knuckle + 0.03 * second, knuckle + 0.054 * second]), 0.0102)
    arm = np.array([[0, -0.02, 0], [0, -0.045, 0], [0, -0.075, 0], [0, -0.13, 0.0], [0, -0.22, 0.0], [0, -0.32, 0]])
    width = np.array([0.033, 0.029, 0.0275, 0.031, 0.040, 0.044])
    palm.append(tube(arm, width, width * 0.75, np.array([0.0, 0.0, 1.0])))
    return palm


def _finger(joints: NDArray, thick: float) -> list[Solid]:
    """A finger through joints (n, 3), thinner to its tip and round at the end."""
    at = np.linspace(0, len(joints) - 1, 13)
    path = np.stack([np.interp(at, np.arange(len(joints)), joints[:, k]) for k in range(3)], axis=1)
    path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    width = thick * np.linspace(1.08, 0.82, 13)
    width[-2:] *= [0.88, 0.5]
    up = np.array([1.0, 0.02, 0.1])
    return [tube(path, width, width, up)]


def _open_hand(places: NDArray, left: bool, scale: float, rng: np.random.Generator) -> tuple[list[Solid], HandFrame]:
    """A hand laid over or held before some part of the face."""
    name = list(PLACES)[rng.integers(len(PLACES))]
    names, gap = PLACES[name]
    target = places[list(names)].mean(axis=0)
    if left and name in ("cheek", "eye"):
        target[0] = -target[0] + 2 * places[6, 0]
    tilt = rng.uniform(-0.2, 1.1)
    lean = rng.uniform(-0.25, 0.15)
    axes = _axes(left, tilt, lean, scale)
    bend = np.full(4, rng.uniform(0.05, 0.45)) + rng.normal(0, 0.06, 4)
    hand = _hand(np.clip(bend, 0, None), rng.uniform(0.02, 0.16), rng.uniform(0.3, 0.9), rng.uniform(0.0, 0.5))
    middle = np.array([0.0, rng.uniform(0.01, 0.07), 0.0]) @ axes
    origin = target - middle
    points = np.concatenate([origin + solid.vertices @ axes for solid in hand[:-1]])
    forward = _clear(points, places, gap * rng.uniform(0.1, 2.0))
    return hand, HandFrame(origin + np.array([0, 0, forward]), axes)


def _clear(points: NDArray, places: NDArray, gap: float) -> float:
    """Metres forward that bring points (n, 3) `gap` before the landmarks nearest to them in the front view."""
    some = points[::7]
    flat = np.linalg.norm(some[:, None, :2] - places[None, :468, :2], axis=2)
    close = flat.min(axis=1) < 0.02
    behind = places[:468, 2][flat.argmin(axis=1)] - some[:, 2]
    return float(behind[close].max() + gap) if close.any() else gap


def _holding(
    places: NDArray, left: bool, scale: float, held: str, rng: np.random.Generator
) -> tuple[list[Solid], HandFrame, list[SceneSurface]]:
    """A fist round a thing; the thing stands between palm and face or beside the face."""
    side = 1.0 if left else -1.0  # a left hand comes from the subject's left, +x
    mouth = places[[13, 14]].mean(axis=0)
    bend = np.array([0.95, 1.0, 1.02, 1.05]) * rng.uniform(0.8, 1.0)
    hand = _hand(bend, 0.02, 0.75, 1.0)
    metal = rng.uniform(0.01, 0.5)
    if held == "phone":
        ear = places[[234, 454][int(left)]]
        tilt = rng.uniform(0.1, 0.35)
        centre = ear + np.array([side * 0.022, -0.022, 0.028])
        up = np.array([0, np.cos(tilt), -np.sin(tilt)])
        out = np.array([side, 0.0, 0.0])
        across = np.cross(up, out)
        solid = block(centre, np.stack([0.0045 * out, 0.073 * up, 0.036 * across]))
        axes = np.stack([across * np.sign(across[2]), up, out]) * scale
        things = [_thing(solid, np.array([0.02, 0.02, 0.022]) if rng.random() < 0.6 else np.full(3, metal), 0.2)]
        return hand, HandFrame(centre + out * 0.020 - 0.01 * up, axes), things
    if held == "cup":
        centre = mouth + np.array([side * 0.008, -0.048, 0.047])
        ring = centre + np.linspace(-0.045, 0.05, 6)[:, None] * np.array([0, 1.0, 0.08])
        solid = tube(ring, np.linspace(0.033, 0.041, 6), np.linspace(0.033, 0.041, 6), np.array([0, 0, 1.0]))
        color = np.clip(rng.uniform(0.02, 0.8, 3), 0, 0.8)
        reach = 0.052
    else:
        centre = mouth + np.array([0.0, -0.045, 0.055])
        top = mouth + np.array([0, -0.012, 0.034])
        way = np.array([side * 0.15, -0.75, 0.55])
        rod = top + np.linspace(0.02, 0.18, 6)[:, None] * way
        solid = joined([ball(top, np.eye(3) * 0.024), tube(rod, 0.012, 0.012, np.array([1.0, 0, 0]))])
        centre = rod[2]
        color = np.full(3, 0.02)
        reach = 0.026
    tilt = rng.uniform(0.9, 1.3)
    axes = _axes(left, tilt, -0.1, scale)
    origin = centre + np.array([side * 0.012, -0.01, reach]) - np.array([0, 0.05, 0]) @ axes
    return hand, HandFrame(origin, axes), [_thing(solid, color, 0.4)]


def _thing(solid: Solid, color: NDArray, roughness: float) -> SceneSurface:
    vertices, faces = solid
    return SceneSurface(
        vertices.astype(np.float32),
        faces.astype(np.int32),
        Kind.OCCLUDER,
        np.asarray(color, np.float32),
        roughness=roughness,
        two_sided=True,
    )
