"""Visemes: the 15 mouth shapes of speech that lip-sync programs name as Oculus does, as weights of the 52 units.

The names are those of Meta's lip-sync documentation; the weights are ours, from how each sound is made: how far the
jaw is open, whether lips are closed, pressed, rounded or spread, and where the lower lip lies.
"""

from __future__ import annotations

from collections.abc import Sequence


def both(unit: str, weight: float = 1.0) -> dict[str, float]:
    """A unit of both sides."""
    return {f"{unit}{side}": weight for side in ("Left", "Right")}


VISEMES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthClose": 0.1, "jawOpen": 0.1, "mouthRollLower": 0.3, "mouthRollUpper": 0.3} | both("mouthPress", 0.5),
    "FF": {"jawOpen": 0.08, "mouthRollLower": 0.6} | both("mouthUpperUp", 0.3),  # lower lip at the upper teeth
    "TH": {"jawOpen": 0.2, "tongueOut": 0.4} | both("mouthLowerDown", 0.2) | both("mouthUpperUp", 0.15),
    "DD": {"jawOpen": 0.14} | both("mouthLowerDown", 0.3) | both("mouthUpperUp", 0.15),
    "kk": {"jawOpen": 0.22} | both("mouthLowerDown", 0.2) | both("mouthStretch", 0.15),
    "CH": {"jawOpen": 0.08, "mouthFunnel": 0.5, "mouthPucker": 0.15},  # teeth near, lips forward
    "SS": {"jawOpen": 0.04} | both("mouthStretch", 0.35) | both("mouthLowerDown", 0.3) | both("mouthUpperUp", 0.2),
    "nn": {"jawOpen": 0.12} | both("mouthLowerDown", 0.2) | both("mouthStretch", 0.1),
    "RR": {"jawOpen": 0.14, "mouthFunnel": 0.35, "mouthPucker": 0.3},
    "aa": {"jawOpen": 0.6} | both("mouthLowerDown", 0.2),
    "E": {"jawOpen": 0.3} | both("mouthStretch", 0.4) | both("mouthSmile", 0.2) | both("mouthLowerDown", 0.2),
    "ih": {"jawOpen": 0.2} | both("mouthStretch", 0.4) | both("mouthLowerDown", 0.2),
    "oh": {"mouthFunnel": 0.7, "jawOpen": 0.35},
    "ou": {"mouthPucker": 0.8, "jawOpen": 0.12},
}


def visemes_of(units: Sequence[str]) -> dict[str, dict[str, float]]:
    """The table for a model with these units; empty where it lacks the mouth's.

    Example:
        >>> visemes_of(["earsBack"])
        {}
    """
    used = {unit for weights in VISEMES.values() for unit in weights}
    return VISEMES if used <= set(units) else {}
