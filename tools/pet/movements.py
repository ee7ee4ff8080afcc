"""What a head does: how far each vertex of the left half moves at weight 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.head_field import HINGE, mouth_corner, mouth_height
from maquette.synthesis.animals.head_shape import AnimalShape
from pet.heads import BAG, EAR_ROWS, SOCKET, TONGUE_RINGS, HeadTemplate
from pet.places import EAR, LIPS, RIM

JAW_OPEN = 0.45  # radians
OVER_BALL = 1.07  # radius of shut lids, in eye radii
PAIRED = ("eyeBlink", "earsBack", "earsDroop", "noseSneer")  # of the left half alone; the right is their mirror
SINGLE = ("jawOpen", "tongueOut", "browUp")
LID_REACH = 0.75  # above and below the opening, in eye radii, where lids give
TONGUE_ROOT = 0.5  # how far the back of the tongue goes with the jaw
CLOSING = -0.28  # where lids meet, in half heights of the opening


def step(values: NDArray, low: float, high: float) -> NDArray:
    """0 below, 1 above, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    smooth: NDArray = share * share * (3 - 2 * share)
    return smooth


# Pitch and lean of ears laid back, and drooping; a flap that hangs swings the other way.
EAR_TURNS = {
    "upright": ((-0.95, -0.45), (0.15, -0.95)),
    "tipped": ((-0.95, -0.45), (0.15, -0.95)),
    "hanging": ((0.55, 0.10), (0.0, -0.15)),
}


def movements(
    template: HeadTemplate, half: NDArray, shape: AnimalShape, carriage: str = "upright"
) -> dict[str, NDArray]:
    """Name -> (count, 3) IOD for the left half of a head with these parameters, its ears carried so."""
    back, droop = EAR_TURNS[carriage]
    jaw = jaw_share(template, half, shape)
    opened = jaw[:, None] * (turned(half, JAW_OPEN) - half)
    return {
        "jawOpen": opened,
        "eyeBlink": _blink(template, half, shape),
        "earsBack": _ear(template, half, *back),
        "earsDroop": _ear(template, half, *droop),
        "noseSneer": _sneer(template, half, shape),
        "tongueOut": _tongue_out(template, shape, opened),
        "browUp": _brow(template, half, shape),
    }


def turned(points: NDArray, angle: float) -> NDArray:
    """Points turned down about the jaw's hinge."""
    y, z = points[:, 1] - HINGE[1], points[:, 2] - HINGE[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([points[:, 0], HINGE[1] + cosine * y - sine * z, HINGE[2] + cosine * z + sine * y], axis=1)


def jaw_share(template: HeadTemplate, half: NDArray, shape: AnimalShape) -> NDArray:
    """(count,) how far vertices go with the lower jaw, 0-1."""
    blocks, skin = template.blocks, template.skin
    corner = mouth_corner(shape)
    below = mouth_height(half.astype(np.float32), shape) - half[:, 1]
    behind = np.maximum(corner[2] - half[:, 2], 0)
    share = step(below / (0.03 + 1.1 * behind), -0.5, 0.5)
    angle = np.arctan2(half[:, 1] - HINGE[1], half[:, 2] - HINGE[2])
    share *= step(angle, -1.75, -1.0) * (1 - step(half[:, 0], 0.65, 1.1))
    share[skin.upper], share[skin.lower], share[skin.upper[-1]] = 0, 1, 0.5
    share[np.concatenate([blocks[n].start + np.arange(blocks[n].count) for n in ("ear", "pocket", "eye")])] = 0
    held = np.concatenate([skin.upper, skin.lower])
    count = len(skin.vertices)
    before = share[held]
    for _ in range(6):
        share[:count] = 0.5 * share[:count] + 0.5 * (template._smoothing @ share[:count])
        share[held] = before
    bag = blocks["bag"].start
    long = 2 * LIPS - 1
    side = np.concatenate([np.zeros(LIPS - 1), [0.5], np.ones(LIPS - 1)])
    for k in range(len(BAG)):
        back = (k + 1) / (len(BAG) + 1)
        share[bag + long * k : bag + long * (k + 1)] = side * (1 - back**2) + 0.3 * back**2
    share[bag + long * len(BAG)] = 0.3
    tongue = blocks["tongue"]
    section = (tongue.count - 2) // TONGUE_RINGS
    along = np.concatenate([np.repeat(np.linspace(0, 1, TONGUE_RINGS), section), [0, 1]])
    share[tongue.start : tongue.start + tongue.count] = TONGUE_ROOT + (1 - TONGUE_ROOT) * step(along, 0.0, 0.7)
    teeth = blocks["teeth"]
    each = teeth.count // 14
    for k in range(14):  # upper and lower in turn
        share[teeth.start + each * k : teeth.start + each * (k + 1)] = k % 2
    return share


def _blink(template: HeadTemplate, half: NDArray, shape: AnimalShape) -> NDArray:
    """Lids are drawn over the ball: what lies above the opening is stretched down to the line where they meet."""
    skin, radius = template.skin, shape.eye_radius
    cosine, sine = np.cos(shape.lid_tilt), np.sin(shape.lid_tilt)
    off = half - [0.5, 0, shape.eye_z]
    x, y = off[:, 0] * cosine + off[:, 1] * sine, off[:, 1] * cosine - off[:, 0] * sine
    own = np.linalg.norm(off, axis=1)
    bow = np.maximum(1 - (x / (shape.lid_width * radius)) ** 2, 0)
    high = shape.lid_height * radius * bow
    meet = CLOSING * high
    moved = y.copy()
    for up, edge, overlap in ((1, high, 0.03), (-1, -0.8 * high, 0.0)):
        reach = edge + up * LID_REACH * radius
        share = np.clip((reach - y) / (reach - edge), 0, 1)
        side = (up * (y - edge) > -0.02 * radius) & (bow > 0)
        moved[side] = (reach + share * (meet - overlap * radius * bow - reach))[side]
        beyond = side & (up * (y - reach) > 0)
        moved[beyond] = y[beyond]
    pocket = template.blocks["pocket"].start + np.arange(RIM)
    ball = np.full(len(half), OVER_BALL * radius)
    ball[pocket] = SOCKET * radius
    depth = np.sqrt(np.maximum(np.maximum(own, ball) ** 2 - x * x - moved * moved, 0))
    goal = half.copy()
    goal[:, 0] = 0.5 + x * cosine - moved * sine
    goal[:, 1] = moved * cosine + x * sine
    goal[:, 2] = np.where(moved == y, half[:, 2], shape.eye_z + depth)
    near = np.zeros(len(half), bool)
    near[: len(skin.vertices)] = (own < 2.2 * radius)[: len(skin.vertices)] & (off[: len(skin.vertices), 2] > 0)
    near[pocket] = True
    return np.where(near[:, None], goal - half, 0)


def _ear(template: HeadTemplate, half: NDArray, pitch: float, lean: float) -> NDArray:
    start = template.blocks["ear"].start
    moved = np.zeros_like(half)
    cp, sp, cl, sl = np.cos(pitch), np.sin(pitch), np.cos(lean), np.sin(lean)
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cl, -sl, 0], [sl, cl, 0], [0, 0, 1]])
    base = half[template.skin.root].mean(axis=0)
    rows = start + np.arange(EAR * EAR_ROWS)
    share = step(np.repeat(np.arange(1, EAR_ROWS + 1), EAR) / EAR_ROWS, -0.05, 0.45)
    moved[rows] = share[:, None] * ((half[rows] - base) @ (about_z @ about_x).T + base - half[rows])
    return moved


def _near(half: NDArray, template: HeadTemplate, place: NDArray, reach: NDArray) -> NDArray:
    """(count,) 1 on the skin at a place, fading over a reach."""
    share = np.exp(-0.5 * (((half - place) / reach) ** 2).sum(axis=1))
    share[len(template.skin.vertices) :] = 0
    return share


def _sneer(template: HeadTemplate, half: NDArray, shape: AnimalShape) -> NDArray:
    w = shape.nose_width
    place = np.array([0.75 * w + 0.04, shape.nose_y - 0.25 * w, shape.nose_z - 0.5 * w])
    share = _near(half, template, place, np.array([0.16, 0.16, 0.22])) * step(half[:, 0], 0, 0.12)
    return share[:, None] * np.array([0.015, 0.085, -0.015])


def _brow(template: HeadTemplate, half: NDArray, shape: AnimalShape) -> NDArray:
    place = np.array([0.44, 1.25 * shape.eye_radius + 0.12, shape.eye_z + 0.05])
    share = _near(half, template, place, np.array([0.28, 0.13, 0.3]))
    share[template.skin.rim] = 0
    share[template.skin.lids[0]] *= 0.3
    return share[:, None] * np.array([0.0, 0.09, -0.01])


def _tongue_out(template: HeadTemplate, shape: AnimalShape, opened: NDArray) -> NDArray:
    tongue = template.blocks["tongue"]
    rows = tongue.start + np.arange(tongue.count)
    section = (tongue.count - 2) // TONGUE_RINGS
    along = np.concatenate([np.repeat(np.linspace(0, 1, TONGUE_RINGS), section), [0, 1]])[:, None]
    tall = shape.muzzle_front / 0.3
    moved = 0.25 * opened
    moved[rows] += (
        along * np.array([0, 0, 0.42 * tall]) + np.maximum(along - 0.45, 0) ** 2 * np.array([0, -0.5, 0]) * tall
    )
    return moved


def names() -> tuple[str, ...]:
    """The units of the whole head."""
    return (*SINGLE, *(f"{name}{side}" for name in PAIRED for side in ("Left", "Right")))
