"""Faces that people make: emotions, speech, blinks and gaze as weights of the 52 units.

Which units go together follows the action units of basic emotions (Ekman & Friesen 1978, Du et al. 2014, table 1) and
the mouth shapes of speech; intensities, mixtures and left-right differences are drawn. Limits keep sums plausible: the
units are linear, so a smile at full weight with everything that goes with it is a caricature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# A name without a side means both sides. Weights are at full intensity.
EMOTIONS: Mapping[str, Mapping[str, float]] = {
    "smile": {"mouthSmile": 0.75, "cheekSquint": 0.55, "eyeSquint": 0.35, "mouthDimple": 0.3, "mouthUpperUp": 0.12},
    "laugh": {"mouthSmile": 0.7, "cheekSquint": 0.6, "eyeSquint": 0.5, "jawOpen": 0.35, "mouthUpperUp": 0.3,
        "mouthLowerDown": 0.2},
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.7, "jawOpen": 0.5, "mouthFunnel": 0.15},
    "anger": {"browDown": 0.9, "eyeSquint": 0.35, "eyeWide": 0.15, "noseSneer": 0.35, "mouthPress": 0.5,
        "mouthFrown": 0.25, "jawForward": 0.2},
    "rage": {"browDown": 0.9, "noseSneer": 0.6, "jawOpen": 0.35, "mouthUpperUp": 0.5, "mouthLowerDown": 0.5},
    "disgust": {"noseSneer": 0.85, "browDown": 0.5, "mouthUpperUp": 0.55, "eyeSquint": 0.4, "cheekSquint": 0.3,
        "mouthFrown": 0.3, "mouthShrugLower": 0.2},
    "sadness": {"browInnerUp": 0.7, "browDown": 0.25, "mouthFrown": 0.65, "mouthShrugLower": 0.4, "eyeBlink": 0.2,
        "mouthRollLower": 0.15},
    "fear": {"browInnerUp": 0.8, "browOuterUp": 0.4, "browDown": 0.3, "eyeWide": 0.7, "mouthStretch": 0.5,
        "jawOpen": 0.25},
    "doubt": {"browDown": 0.4, "mouthPress": 0.4, "mouthDimple": 0.4, "mouthShrugUpper": 0.3, "mouthShrugLower": 0.3},
    "kiss": {"mouthPucker": 0.85, "mouthFunnel": 0.25, "eyeBlink": 0.15},
    "puff": {"cheekPuff": 0.8, "mouthPucker": 0.3, "mouthPress": 0.3},
    "yawn": {"jawOpen": 0.9, "eyeSquint": 0.6, "eyeBlink": 0.6, "browInnerUp": 0.3, "mouthFunnel": 0.15},
    "tongue": {"tongueOut": 0.6, "jawOpen": 0.45, "mouthLowerDown": 0.15},
}  # fmt: skip
VISEMES: Mapping[str, Mapping[str, float]] = {
    "aa": {"jawOpen": 0.55, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "ee": {"jawOpen": 0.15, "mouthStretch": 0.35, "mouthSmile": 0.2, "mouthLowerDown": 0.35},
    "oh": {"jawOpen": 0.38, "mouthFunnel": 0.5},
    "oo": {"jawOpen": 0.1, "mouthPucker": 0.6, "mouthFunnel": 0.25},
    "mb": {"mouthPress": 0.4, "mouthRollLower": 0.25, "mouthRollUpper": 0.25, "jawOpen": 0.06, "mouthClose": 0.06},
    "fv": {"mouthRollLower": 0.5, "mouthUpperUp": 0.2, "jawOpen": 0.08},
    "th": {"jawOpen": 0.22, "mouthLowerDown": 0.25, "tongueOut": 0.1},
    "ss": {"jawOpen": 0.1, "mouthLowerDown": 0.3, "mouthStretch": 0.2, "mouthUpperUp": 0.1},
    "sh": {"mouthFunnel": 0.45, "mouthShrugUpper": 0.2, "mouthLowerDown": 0.2, "jawOpen": 0.08},
}
# What a photograph shows, and how often. "neutral" moves at most eyes and lids.
SHARES = {
    "neutral": 0.25,
    "speech": 0.22,
    "smile": 0.19,
    "laugh": 0.06,
    "surprise": 0.05,
    "anger": 0.04,
    "rage": 0.01,
    "disgust": 0.03,
    "sadness": 0.04,
    "fear": 0.02,
    "doubt": 0.03,
    "kiss": 0.02,
    "puff": 0.01,
    "yawn": 0.01,
    "tongue": 0.01,
    "odd": 0.01,
}
EYES = ("eyeBlink", "eyeSquint", "eyeWide", "eyeLook")
BLINKING, WINKING, LOOKING_AWAY = 0.06, 0.01, 0.35
LID_DOWN, LID_UP = 0.3, 0.15  # how far the upper lid follows the gaze
UNEVEN = 0.12  # spread of the ratio of left to right
MOUTH_SUM = 1.5  # of all mouth units, left and right counted as one
SMILE_MOST = 0.75  # at 1 the shipped head's smile is wider than mouths go
# Units that exclude each other: the two names, and the largest sum of their weights on one side.
OPPOSED = (
    ("mouthSmile", "mouthFrown", 0.6), ("mouthSmile", "mouthPucker", 0.7), ("mouthSmile", "mouthFunnel", 0.8),
    ("mouthStretch", "mouthPucker", 0.6), ("eyeBlink", "eyeWide", 0.6), ("eyeBlink", "eyeSquint", 1.1),
    ("browDown", "browOuterUp", 0.8), ("mouthLeft", "mouthRight", 0.0), ("jawLeft", "jawRight", 0.0),
)  # fmt: skip


def draw_expression(names: Sequence[str], rng: np.random.Generator) -> NDArray:
    """One expression.

    Args:
        names: the units' names in Apple's spelling, as the head model lists them.

    Returns:
        (len(names),) float32 weights in 0-1.
    """
    units = {name: 0.0 for name in names}
    mood = list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))]
    if mood == "speech":
        _speak(units, rng)
        if rng.random() < 0.4:
            _add(units, EMOTIONS[("smile", "surprise", "anger", "sadness")[rng.integers(4)]], 0.5 * rng.beta(2, 3), rng)
    elif mood == "odd":
        for name in rng.choice(names, 3, replace=False):
            units[name] = rng.beta(1.5, 2)
    elif mood != "neutral":
        _add(units, EMOTIONS[mood], rng.beta(2.2, 1.8), rng)
        if rng.random() < 0.25:
            _speak(units, rng, 0.6)
    if mood != "neutral":
        for name in names:  # nobody moves one muscle alone
            units[name] += 0.02 * rng.exponential() * (not name.startswith((*EYES, "tongue", "mouthClose")))
    _lids_and_gaze(units, rng)
    limit(units)
    return np.array([units[name] for name in names], np.float32)


def sides(unit: str, units: Mapping[str, float]) -> tuple[str, ...]:
    """The names of a unit: itself, or its left and right halves; none if the model lacks it."""
    both = (unit,) if unit in units else (f"{unit}Left", f"{unit}Right")
    return both if both[0] in units else ()


def _add(units: dict[str, float], recipe: Mapping[str, float], intensity: float, rng: np.random.Generator) -> None:
    lean = rng.normal() * UNEVEN  # one side of a face is the stronger one throughout
    for unit, weight in recipe.items():
        own = intensity * weight * np.clip(1 + 0.3 * rng.normal(), 0, 1.8)
        for name in sides(unit, units):
            side = 1 if name.endswith("Left") else -1 if name.endswith("Right") else 0
            units[name] += own * np.clip(1 + side * (lean + 0.4 * UNEVEN * rng.normal()), 0.3, 1.7)


def _speak(units: dict[str, float], rng: np.random.Generator, loudness: float = 1.0) -> None:
    """Two sounds that run into each other."""
    first, second = rng.choice(list(VISEMES), 2, replace=False)
    share = rng.beta(0.7, 0.7)
    loud = loudness * rng.uniform(0.4, 1.3)
    _add(units, VISEMES[first], share * loud, rng)
    _add(units, VISEMES[second], (1 - share) * loud, rng)


def _lids_and_gaze(units: dict[str, float], rng: np.random.Generator) -> None:
    """Both eyes look the same way; the lids follow up and down; some pictures catch a blink."""
    spread = (0.3, 0.22) if rng.random() < LOOKING_AWAY else (0.05, 0.04)
    left, up = np.clip(rng.normal(size=2) * spread, -0.8, 0.8)
    # A near point turns both eyes inwards.
    inward = abs(rng.normal()) * 0.03
    for side, sign in (("Left", 1), ("Right", -1)):
        out = sign * left - inward
        for unit, amount in (("Out", out), ("In", -out), ("Up", up), ("Down", -up)):
            if f"eyeLook{unit}{side}" in units:
                units[f"eyeLook{unit}{side}"] = max(amount, 0.0)
        if f"eyeBlink{side}" in units:
            units[f"eyeBlink{side}"] += LID_DOWN * max(-up, 0) + 0.05 * rng.beta(1, 2)
            units[f"eyeWide{side}"] += LID_UP * max(up, 0)
    draw, closed = rng.random(), rng.beta(3, 1)
    lids = sides("eyeBlink", units)
    if draw < BLINKING:
        for name in lids:
            units[name] = max(units[name], closed * rng.uniform(0.95, 1))
    elif draw < BLINKING + WINKING and lids:
        units[lids[rng.integers(2)]] = 0.6 + 0.4 * closed


def limit(units: dict[str, float]) -> None:
    """Bring weights into what a face can do, in place: opposites exclude each other, sums are bounded, all in 0-1."""
    for name in units:
        _cap(units, name, 1)
    for name in sides("mouthSmile", units):
        _cap(units, name, SMILE_MOST)
    for first, second, total in OPPOSED:
        for a, b in zip(sides(first, units), sides(second, units)):
            weaker, stronger = sorted((a, b), key=lambda name: units[name])
            _cap(units, weaker, total - units[stronger])
    _cap(units, "tongueOut", 0.6)
    if "jawOpen" in units:
        _limit_by_jaw(units)
    mouth = [n for n in units if n.startswith("mouth") and n != "mouthClose"]
    total = sum(units[n] * (0.5 if n.endswith(("Left", "Right")) and len(n) > 10 else 1) for n in mouth)
    if total > MOUTH_SUM:
        for name in mouth:
            units[name] *= MOUTH_SUM / total


def _cap(units: dict[str, float], name: str, most: float) -> None:
    if name in units:
        units[name] = float(np.clip(units[name], 0, max(most, 0)))


def _limit_by_jaw(units: dict[str, float]) -> None:
    """An open jaw stretches the lips; a tongue that is out opens it."""
    jaw = units["jawOpen"] = max(units["jawOpen"], 0.45 * units.get("tongueOut", 0) ** 0.5)
    _cap(units, "mouthClose", jaw)  # it closes the lips over an open jaw, no further
    _cap(units, "cheekPuff", 0.9 - 3 * jaw)
    for name in (*sides("mouthPress", units), "mouthRollUpper", "mouthRollLower"):
        _cap(units, name, 0.9 - 1.5 * jaw)
    for name in sides("mouthFrown", units):
        _cap(units, name, 0.9 - 0.5 * jaw)
