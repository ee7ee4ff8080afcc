"""How an animal's joints turn: named angles, how far each goes, and the stances from which a fit starts.

All axes are the world's in the rest pose: x to the animal's left, y up, z ahead. A turn about x that is positive lowers
what lies ahead of a joint and draws back what hangs below it. Ranges follow dm_control's dog and canine anatomy (Evans
and de Lahunta, "Miller's Anatomy of the Dog"), widened where a stance needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
LUMBAR = tuple(f"L_{k}" for k in range(1, 8))
LOW_NECK, HIGH_NECK = ("C_7", "C_6", "C_5"), ("C_4", "C_3", "C_2", "C_1")
TAIL_BASE, TAIL_REST = tuple(f"Ca_{k}" for k in range(1, 5)), tuple(f"Ca_{k}" for k in range(5, 22))


@dataclass(frozen=True)
class JointTurn:
    """One angle, shared evenly by its bones.

    Attributes:
        name: unique. bones: that turn together. axis: world, rest pose.
        low, high: degrees. spread: degrees of a standard deviation about the stance.
    """

    name: str
    bones: tuple[str, ...]
    axis: tuple[float, float, float]
    low: float
    high: float
    spread: float


def _both(
    name: str, bone: str, axis: tuple[float, float, float], low: float, high: float, spread: float
) -> list[JointTurn]:
    """The same turn of both sides; across the plane of symmetry only turns about x keep their sense."""
    sign = 1.0 if axis == X else -1.0
    right = tuple(sign * part for part in axis)
    return [
        JointTurn(f"{name}_{side}", (f"{bone}_{side}",), way, low, high, spread)  # type: ignore[arg-type]
        for side, way in (("L", axis), ("R", right))
    ]


TURNS: tuple[JointTurn, ...] = (
    JointTurn("trunk_pitch", ("torso",), X, -80, 40, 12),
    JointTurn("trunk_roll", ("torso",), Z, -20, 20, 5),
    JointTurn("back_pitch", LUMBAR, X, -45, 60, 12),
    JointTurn("back_yaw", LUMBAR, Y, -50, 50, 12),
    JointTurn("neck_pitch", LOW_NECK, X, -45, 75, 20),
    JointTurn("nape_pitch", HIGH_NECK, X, -45, 75, 20),
    JointTurn("neck_yaw", (*LOW_NECK, *HIGH_NECK), Y, -110, 110, 30),
    JointTurn("head_pitch", ("skull",), X, -45, 50, 15),
    JointTurn("head_yaw", ("skull",), Y, -35, 35, 12),
    JointTurn("head_roll", ("skull",), Z, -40, 40, 12),
    JointTurn("jaw", ("jaw",), X, -26, 12, 6),
    JointTurn("tail_lift", TAIL_BASE, X, -60, 150, 40),
    JointTurn("tail_curl", TAIL_REST, X, -100, 280, 60),
    JointTurn("tail_yaw", TAIL_BASE, Y, -70, 70, 25),
    JointTurn("tail_sway", TAIL_REST, Y, -150, 150, 40),
    *_both("ear", "ear", Z, -150, 20, 30),
    *_both("scapula", "scapula", X, -40, 40, 9),
    *_both("shoulder", "upper_arm", X, -60, 70, 14),
    *_both("arm_out", "upper_arm", Z, -25, 35, 8),
    *_both("elbow", "lower_arm", X, -135, 30, 17),
    *_both("wrist", "hand", X, -40, 110, 18),
    *_both("finger", "finger", X, -40, 100, 15),
    *_both("hip", "upper_leg", X, -110, 65, 16),
    *_both("thigh_out", "upper_leg", Z, -25, 45, 8),
    *_both("knee", "lower_leg", X, -15, 130, 22),
    *_both("hock", "foot", X, -125, 25, 22),
    *_both("toe", "toe", X, -40, 110, 15),
)
SITTING_UPRIGHT = {
    "trunk_pitch": -45.0, "back_pitch": -15.0, "hip": -33.0, "thigh_out": 12.0, "knee": 108.0, "hock": -112.0,
    "toe": 92.0, "scapula": 12.0, "shoulder": 24.0, "elbow": 8.0, "neck_pitch": 15.0, "nape_pitch": 20.0,
    "head_pitch": 8.0, "tail_lift": 85.0, "tail_curl": 15.0,
}  # fmt: skip
LYING_DOWN = {
    "hip": -72.0, "thigh_out": 12.0, "knee": 104.0, "hock": -122.0, "toe": 90.0, "scapula": 10.0, "shoulder": 30.0,
    "elbow": -120.0, "wrist": -6.0, "finger": 80.0, "tail_lift": 12.0, "tail_curl": 25.0,
}  # fmt: skip
STANCES: dict[str, dict[str, float]] = {"standing": {}, "sitting": SITTING_UPRIGHT, "lying": LYING_DOWN}
SHUT_JAW = -22.0  # degrees: the template's mouth is open


def angles(stance: str) -> NDArray:
    """(P,) radians of TURNS in a stance.

    Raises:
        KeyError: unknown stance, with the known ones.
    """
    if stance not in STANCES:
        raise KeyError(f"stance {stance!r}: wanted {', '.join(STANCES)}")
    given = {"jaw": SHUT_JAW, **STANCES[stance]}
    return np.radians([given.get(turn.name, given.get(turn.name[:-2], 0.0)) for turn in TURNS])


def limits() -> tuple[NDArray, NDArray]:
    """(P,) radians each: how far TURNS go."""
    return np.radians([turn.low for turn in TURNS]), np.radians([turn.high for turn in TURNS])


def spreads() -> NDArray:
    """(P,) radians: standard deviations about a stance."""
    return np.radians([turn.spread for turn in TURNS])


@lru_cache(maxsize=4)
def turning(bones: tuple[str, ...]) -> NDArray:
    """(P, B, 3) radians of rotation vector per radian of each turn, for bones of these names."""
    out = np.zeros((len(TURNS), len(bones), 3))
    for number, turn in enumerate(TURNS):
        for bone in turn.bones:
            out[number, bones.index(bone)] = np.array(turn.axis) / len(turn.bones)
    return out
