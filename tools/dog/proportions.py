"""How dogs and cats differ in build: smooth moves of the template and of its joints, one standard deviation each.

The sizes are ours, chosen by eye from breeds between whippet, pug and husky; no scan and no photograph is behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRONT, HIND = ("upper_arm", "lower_arm", "hand", "finger"), ("upper_leg", "lower_leg", "foot", "toe")
SPINE_Y, BACK_Z, SHOULDER_Z, KNEE_Y = 0.5, 0.0, 0.46, 0.4  # metres, of the template
EYE_Z, MUZZLE_Y, SKULL = 0.645, 0.645, np.array([0.0, 0.70, 0.615])
EAR_BASE, EAR_TIP, EAR_ACROSS = np.array([0.058, 0.722, 0.597]), np.array([0.086, 0.806, 0.607]), np.array([0.92, 0.38])


@dataclass(frozen=True, eq=False)
class Places:
    """Points of the template, vertices or joints.

    Attributes:
        points: (N, 3) metres. share: (N, B) of each bone. normals: (N, 3) unit, 0 for joints.
        bones: B names. heads: (B, 3) metres.
    """

    points: NDArray
    share: NDArray
    normals: NDArray
    bones: tuple[str, ...]
    heads: NDArray

    def of(self, *names: str) -> NDArray:
        """(N,) share of the bones whose names begin so."""
        return self.share[:, [name.startswith(names) for name in self.bones]].sum(axis=1)

    def head(self, name: str) -> NDArray:
        """(3,) where a bone begins."""
        return self.heads[self.bones.index(name)]

    def beside(self, first: NDArray, last: NDArray) -> NDArray:
        """(N, 3) from the nearest point of a segment to each point."""
        way = last - first
        along = np.clip((self.points - first) @ way / (way @ way), 0, 1)
        return self.points - first - along[:, None] * way


def _up(values: NDArray) -> NDArray:
    return values[:, None] * np.array([0.0, 1, 0])


def _ahead(values: NDArray) -> NDArray:
    return values[:, None] * np.array([0.0, 0, 1])


def _ramp(values: NDArray, low: float, high: float) -> NDArray:
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def legs(p: Places) -> NDArray:
    """Longer legs: what they carry rises."""
    share = p.of(*FRONT, *HIND)
    return _up(0.12 * (share * np.minimum(p.points[:, 1], KNEE_Y) + (1 - share) * KNEE_Y))


def leg_girth(p: Places) -> NDArray:
    """Thicker legs."""
    out = np.zeros_like(p.points)
    for side in ("_L", "_R"):
        for names in (FRONT, HIND):
            for name, after in zip(names, (*names[1:], None)):
                first = p.head(name + side)
                last = p.head(after + side) if after else first + np.array([0, -0.03, 0.05])
                wide = 0.05 if name.startswith("upper") else 0.2
                out += wide * p.of(name + side)[:, None] * p.beside(first, last)
    return out


def length(p: Places) -> NDArray:
    """A longer back."""
    along = np.clip((p.points[:, 2] - BACK_Z) / (SHOULDER_Z - BACK_Z), 0, 1)
    front = p.of(*FRONT, "scapula", "C_", "skull", "jaw", "ear")
    behind = p.of(*HIND, "Ca_")
    return _ahead(0.1 * (SHOULDER_Z - BACK_Z) * (front + (1 - front - behind) * along))


def _trunk(p: Places) -> NDArray:
    return p.of("torso", "L_", "pelvis", "scapula")


def width(p: Places) -> NDArray:
    """A broader trunk; the legs stand farther apart."""
    legs_share = p.of(*FRONT, *HIND)
    across = _trunk(p) * p.points[:, 0] + legs_share * np.sign(p.points[:, 0]) * 0.06
    return 0.15 * across[:, None] * np.array([1.0, 0, 0])


def depth(p: Places) -> NDArray:
    """A deeper chest and belly."""
    return _up(0.12 * _trunk(p) * np.minimum(p.points[:, 1] - SPINE_Y, 0))


def belly(p: Places) -> NDArray:
    """A belly that hangs where a hound's is drawn up."""
    along = _ramp(p.points[:, 2], -0.05, 0.12) * (1 - _ramp(p.points[:, 2], 0.12, 0.4))
    return _up(-0.035 * _trunk(p) * along * _ramp(SPINE_Y - p.points[:, 1], 0.02, 0.15))


def neck(p: Places) -> NDArray:
    """A longer neck."""
    first, last = p.head("C_7"), p.head("skull")
    way = last - first
    along = np.clip((p.points - first) @ way / (way @ way), 0, 1)
    return 0.15 * (p.of("C_") * along + _head(p))[:, None] * way


def neck_girth(p: Places) -> NDArray:
    """A thicker neck."""
    return 0.15 * _throat(p)[:, None] * p.beside(p.head("C_7"), p.head("skull"))


def _throat(p: Places) -> NDArray:
    """(N,) the neck, less towards the head: a collar of fur is no hood."""
    first, last = p.head("C_7"), p.head("skull")
    along = (p.points - first) @ (last - first) / ((last - first) @ (last - first))
    return p.of("C_") * (1 - 0.75 * _ramp(along, 0.45, 0.95))


def _head(p: Places) -> NDArray:
    return p.of("skull", "jaw", "ear")


def head(p: Places) -> NDArray:
    """A larger head."""
    return 0.1 * _head(p)[:, None] * (p.points - p.head("C_1"))


def muzzle(p: Places) -> NDArray:
    """A longer muzzle."""
    ahead = np.maximum(p.points[:, 2] - EYE_Z, 0)
    return _ahead(0.2 * _head(p) * ahead * _ramp(p.points[:, 2], EYE_Z, EYE_Z + 0.03))


def muzzle_girth(p: Places) -> NDArray:
    """A broader, higher muzzle."""
    share = 0.15 * _head(p) * _ramp(p.points[:, 2], EYE_Z, EYE_Z + 0.05)
    return share[:, None] * (p.points - [0, MUZZLE_Y, 0]) * [1, 0.7, 0]


def skull(p: Places) -> NDArray:
    """A rounder, broader skull."""
    share = 0.1 * p.of("skull", "ear") * (1 - _ramp(p.points[:, 2], EYE_Z, EYE_Z + 0.06))
    return (share * _ramp(p.points[:, 1], 0.63, 0.68))[:, None] * (p.points - SKULL) * [1, 1, 0.3]


def _ears(p: Places, move: Callable[[NDArray, NDArray], NDArray]) -> NDArray:
    """A move of both ears that is written for the left one: from points off its base, and its axis."""
    out, axis = np.zeros_like(p.points), (EAR_TIP - EAR_BASE) / np.linalg.norm(EAR_TIP - EAR_BASE)
    for side, mirror in (("L", np.ones(3)), ("R", np.array([-1.0, 1, 1]))):
        out += p.of(f"ear_{side}")[:, None] * move(p.points * mirror - EAR_BASE, axis) * mirror
    return out


def ears(p: Places) -> NDArray:
    """Longer ears."""
    return _ears(p, lambda off, axis: 0.2 * np.maximum(off @ axis, 0)[:, None] * axis)


def ear_width(p: Places) -> NDArray:
    """Broader ears."""
    return _ears(p, lambda off, axis: 0.2 * (off - (off @ axis)[:, None] * axis))


def tail(p: Places) -> NDArray:
    """A longer tail."""
    return 0.2 * p.of("Ca_")[:, None] * (p.points - p.head("Ca_1"))


def tail_girth(p: Places) -> NDArray:
    """A thicker tail."""
    return 0.014 * (p.of("Ca_") * _ramp(p.head("Ca_2")[2] - p.points[:, 2], 0, 0.1) * _to_tip(p))[:, None] * p.normals


def _to_tip(p: Places) -> NDArray:
    """(N,) 1, less towards the tail's tip: a brush ends in a point."""
    beyond = np.clip((p.points[:, 2] - p.head("Ca_21")[2] + 0.03) / 0.22, 0, 1)
    return np.where(p.of("Ca_") > 0.5, 0.15 + 0.85 * np.sqrt(beyond), 1.0)


def fur(p: Places) -> NDArray:
    """More fur, not on face and paws."""
    bare = np.clip(p.of("hand", "finger", "foot", "toe", "ear") + _face(p), 0, 1)
    much = 0.6 + 0.6 * _throat(p) + 0.6 * p.of("Ca_") + 0.4 * _trunk(p) * (p.points[:, 1] < 0.42)
    return 0.009 * ((1 - bare) * much * _to_tip(p))[:, None] * p.normals


def ruff(p: Places) -> NDArray:
    """A ruff around neck and chest."""
    chest = p.of("torso", "scapula", "upper_arm") * _ramp(p.points[:, 2], 0.38, 0.52)
    cheeks = 0.4 * p.of("skull", "jaw") * (1 - _ramp(p.points[:, 2], 0.56, 0.63))
    return 0.012 * np.clip(_throat(p) + chest + cheeks, 0, 1)[:, None] * p.normals


def _face(p: Places) -> NDArray:
    return p.of("skull", "jaw") * _ramp(p.points[:, 2], 0.56, 0.63)


MODES: tuple[Callable[[Places], NDArray], ...] = (
    legs, leg_girth, length, width, depth, belly, neck, neck_girth, head, muzzle, muzzle_girth, skull, ears, ear_width,
    tail, tail_girth, fur, ruff,
)  # fmt: skip
SLIDERS: dict[str, dict[str, float]] = {  # named builds, in standard deviations
    "cat": {
        "legs": -0.8, "leg_girth": -0.6, "length": 0.4, "neck": -1.6, "neck_girth": 0.4, "head": 0.3, "muzzle": -2.4,
        "muzzle_girth": -0.6, "skull": 1.2, "ears": -1.2, "ear_width": 0.6, "tail": 0.9, "tail_girth": 0.5, "fur": 0.5,
        "depth": -0.6, "belly": 0.8,
    },
    "wild": {"leg_girth": 0.8, "neck": -0.8, "neck_girth": 0.8, "muzzle": -0.9, "skull": 0.6, "ears": -2.0, "fur": 0.5},
    "dog": {},
}  # fmt: skip


def moves(points: NDArray, share: NDArray, normals: NDArray, bones: tuple[str, ...], heads: NDArray) -> NDArray:
    """(K, N, 3) metres for a standard deviation of each of MODES."""
    places = Places(points, share, normals, bones, heads)
    return np.stack([mode(places) for mode in MODES])
