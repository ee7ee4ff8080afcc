"""Wrinkles and folds as heights: lines tied to the model's landmarks, bent and broken differently in every face.

Where faces fold: Lemperle et al. 2001, "A classification of facial wrinkles"; depths there are 0.1 to 1 mm and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.synthesis.skin.guides import SkinGuide, curve, landmark_places
from maquette.synthesis.skin.noise import direction, mixed
from maquette.synthesis.types import Identity
from maquette.texturing.images import smoothstep

REACH_M = 0.007  # a groove and the bulges beside it end within this distance
LARGEST_M = 0.0014
FLESHY = ("nasolabial", "bag", "neck")  # deeper in heavy faces


class Groove(NamedTuple):
    """A kind of fold: depth in metres of an old face, width in metres, age at which half of it is there, and spread."""

    depth: float
    width: float
    half_age: float
    age_spread: float


FOLDS = {
    "forehead": Groove(0.00075, 0.0011, 54, 8), "frown": Groove(0.00080, 0.0012, 54, 9),
    "crow": Groove(0.00065, 0.0009, 53, 8), "nasolabial": Groove(0.00110, 0.0026, 49, 11),
    "marionette": Groove(0.00085, 0.0019, 59, 7), "bag": Groove(0.00065, 0.0021, 56, 10),
    "bunny": Groove(0.00030, 0.0008, 57, 8), "smoker": Groove(0.00045, 0.0007, 64, 6),
    "neck": Groove(0.00085, 0.0012, 48, 13), "chin": Groove(0.00055, 0.0022, 42, 18),
    "lid": Groove(0.00055, 0.0008, 5, 10),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Fold:
    """A line in the skin: flat texel indices (n,), signed metres across it, and how far it fades there, 0-1."""

    kind: str
    index: NDArray
    across: NDArray
    fade: NDArray


def beside(point: NDArray, across: float, up: float) -> NDArray:
    """(2,) x and y of a point (2 or 3,), moved."""
    return point[:2] + np.array([across, up])


def fold_lines(mark: NDArray) -> list[tuple[str, NDArray]]:
    """(kind, (n, 2 or 3) millimetres x, y[, z]) of the subject's left half, from the landmarks (68, 3) in mm."""
    brow, corner, lid, ala, lips, nose = mark[24], mark[45], mark[42:48].mean(axis=0), mark[35], mark[54], mark[27]
    inner, chin = mark[42], mark[8]
    lines = []
    for k, height in enumerate((13, 20.5, 28, 35.5, 43)):
        wide = 44 - 3 * k
        xs = np.array([-wide, -24, -9, 0, 9, 24, wide])
        lines.append(("forehead", np.stack([xs, brow[1] + height + np.array([-4, 0.5, 0, -1, 0, 0.5, -4])], 1)))
    lines.append(("frown", np.array([[6, nose[1] + 6], [5.5, nose[1] + 14], [7.5, nose[1] + 23]])))
    for start, turn, length in ((3.5, 0.75, 15), (1.2, 0.28, 20), (-1.5, -0.2, 20), (-4, -0.62, 17)):
        way = np.array([np.cos(turn), np.sin(turn)])
        begin = beside(corner, 6, start)
        lines.append(("crow", np.stack([begin, begin + 0.5 * length * way, beside(begin + length * way, 0, -1.0)])))
    cheek = [beside(ala, 2.5, 2.5), beside(ala, 8, -4), beside(lips, 2, 10), beside(lips, 7.5, 0), beside(lips, 8, -8)]
    lines.append(("nasolabial", np.array(cheek)))
    lines.append(("marionette", np.array([beside(lips, 2.5, -2), beside(lips, 4.5, -10), beside(lips, 5, -21)])))
    for drop in (0, 6.5):
        low = np.array([beside(inner, 1, -5), beside(lid, -4, -12), beside(lid, 6, -12), beside(corner, 2, -7)])
        lines.append(("bag", low - [0, drop]))
    for height in (-1, -5):
        lines.append(("bunny", np.array([[3.5, 1], [7, 0], [10, -3]]) + np.array([0, nose[1] + height])))
    for x in (3.5, 8, 12.5, 17):
        lines.append(("smoker", np.array([[x, mark[52][1] + 1.5 - 0.25 * x], [1.08 * x, mark[52][1] + 7 - 0.25 * x]])))
    for height, back in ((-13, 8), (-24, 16), (-34, 20)):
        xs = np.array([-50, -30, -12, 0, 12, 30, 50])
        depth = chin[2] - back - 0.012 * xs**2
        lines.append(("neck", np.stack([xs, chin[1] + height + 0.004 * xs**2, depth], 1)))
    lines.append(("chin", np.array([[-15, mark[57][1] - 10], [0, mark[57][1] - 8], [15, mark[57][1] - 10]])))
    lines.append(
        ("lid", np.array([beside(inner, 3, 6), beside(lid, -2, 10.5), beside(lid, 7, 9.5), beside(corner, 2, 3)]))
    )
    return lines


@lru_cache(maxsize=2)
def folds(guide: SkinGuide) -> tuple[Fold, ...]:
    """All folds of the head, both halves."""
    front = (guide.normal[..., 2] > 0.05) & (guide.zones["mouth"] < 0.1) & (guide.zones["hollow"] < 0.1)
    flat = guide.place.reshape(-1, 3)
    seen = flat[front.ravel()]
    plane, solid = cKDTree(seen[:, :2]), cKDTree(flat)
    made = []
    for kind, line in fold_lines(landmark_places(guide.model) * 1e3):
        twins = [line] if line[:, 0].min() < 0 else [line, line * ([-1, 1] if line.shape[1] == 2 else [-1, 1, 1])]
        for points in twins:
            fine = curve(points, count=120) * 1e-3
            where = solid.query(fine)[1] if points.shape[1] == 3 else plane.query(fine)[1]
            places = flat[where] if points.shape[1] == 3 else seen[where]
            made.append(_fold(kind, places, flat))
    return tuple(made)


def _fold(kind: str, line: NDArray, flat: NDArray) -> Fold:
    """The texels (N, 3) near a line of places (n, 3) on the skin."""
    reach = min(REACH_M, 4.5 * FOLDS[kind].width)
    # The line steps from texel to texel: smooth it, or its ripples show in the groove.
    kernel = np.hanning(17)[1:-1]
    padded = np.pad(line, ((7, 7), (0, 0)), mode="reflect", reflect_type="odd")
    line = np.stack([np.convolve(padded[:, k], kernel / kernel.sum(), "valid") for k in range(3)], 1)
    near = np.flatnonzero(((flat > line.min(axis=0) - reach) & (flat < line.max(axis=0) + reach)).all(axis=1))
    apart, index = map(np.asarray, cKDTree(line).query(flat[near], distance_upper_bound=reach))
    close = np.isfinite(apart)
    near, apart, index = near[close], apart[close], index[close]
    tangent = np.gradient(line, axis=0)[index]
    offset = flat[near] - line[index]
    side = np.sign(tangent[:, 0] * offset[:, 1] - tangent[:, 1] * offset[:, 0])
    along = index / (len(line) - 1)
    fade = smoothstep(np.minimum(along, 1 - along), 0.0, 0.22) * smoothstep(reach - apart, 0, 0.3 * reach)
    kept = fade > 0.01
    return Fold(kind, near[kept], (apart * side)[kept].astype(np.float32), fade[kept].astype(np.float32))


def drawn_folds(
    guide: SkinGuide, fields: dict[str, NDArray], identity: Identity, rng: np.random.Generator, roam: float = 0.0
) -> NDArray:
    """(R, S) float32 metres: the folds of a face of this age; children have almost none.

    Args:
        fields: "bend" and "blotch": (R, S) unit fields of this face, which bend and break the lines.
        roam: 0-1, how far lines lie beside where faces mostly have them, of the width they take.
    """
    index, across, fade, owner = _joined(guide)
    lines = folds(guide)
    habit = {kind: np.exp(0.45 * rng.standard_normal()) for kind in FOLDS}
    flesh = 0.75 + 0.5 * np.clip(identity.weight, 0, 1)
    deep, narrow = np.zeros(len(lines), np.float32), np.ones(len(lines), np.float32)
    own, width = np.clip(1 + 0.35 * rng.standard_normal(len(lines)), 0, 2), rng.uniform(0.85, 1.2, len(lines))
    for k, fold in enumerate(lines):
        groove = FOLDS[fold.kind]
        aged = 1 / (1 + np.exp(-(identity.age - groove.half_age) / groove.age_spread))
        deep[k] = groove.depth * habit[fold.kind] * aged * own[k] * (flesh if fold.kind in FLESHY else 1)
        narrow[k] = 0.5 / (groove.width * (0.85 + 0.3 * aged) * width[k])
    soft = fields["blotch"].ravel()[index]
    bent = across + np.float32(0.0014) * fields["bend"].ravel()[index] + np.float32(0.0003) * soft
    if roam > 0:
        reach = np.array([min(REACH_M, 4.5 * FOLDS[fold.kind].width) for fold in lines])
        bent += (roam * reach * rng.uniform(-1, 1, len(lines))).astype(np.float32)[owner]
    bent *= narrow[owner]
    # A groove between two bulges: the mean height stays.
    bulge = np.exp(-bent * bent)
    broken = np.clip(1 - np.float32(0.35) * soft, 0.2, 1.8)
    drop = deep[owner] * fade * broken * bulge * (bulge * bulge * bulge - np.float32(0.5))
    shape = guide.place.shape[:2]
    return -np.bincount(index, drop, shape[0] * shape[1]).astype(np.float32).reshape(shape)


@lru_cache(maxsize=2)
def _joined(guide: SkinGuide) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Texel, metres across, fade and number of the fold, each (M,): all folds one behind the other."""
    lines = folds(guide)
    owner = np.repeat(np.arange(len(lines)), [len(fold.index) for fold in lines])
    index, across, fade = (np.concatenate([getattr(fold, n) for fold in lines]) for n in ("index", "across", "fade"))
    return index, across, fade, owner


def fine_relief(guide: SkinGuide, fields: dict[str, NDArray], identity: Identity, rng: np.random.Generator) -> NDArray:
    """(R, S) float32 metres: pores, unevenness, crinkles of the old and the furrows of lips.

    Args:
        fields: "grain" and "mottle": (R, S) unit fields of this face; "upright": the same within the lips' window.
    """
    zone = guide.zones
    old = float(smoothstep(np.float64(identity.age), 35, 80))
    young = float(smoothstep(np.float64(identity.age), 8, 22))
    pores = 5e-6 + 1.2e-5 * young * rng.uniform(0.4, 1.5)
    height = pores * (1 + 0.8 * zone["nose"] + 0.5 * zone["cheeks"]) * fields["grain"]
    height += (4e-6 + 7e-6 * young + 1.6e-5 * old) * rng.uniform(0.5, 1.4) * fields["mottle"]
    if old > 0.05:
        level = mixed(direction(rng, len(guide.noise["level"]))[None], guide.noise["level"]).reshape(height.shape)
        ridge = np.exp(-((level / 0.35) ** 2)) - 0.33
        height -= 1.9e-4 * old**1.5 * rng.uniform(0.4, 1.3) * zone["creased"] * ridge
    window = guide.windows["red"]
    furrow = np.exp(-((fields["upright"] / 0.4) ** 2)) - 0.37
    lips = 6e-5 * (0.5 + young + old) * rng.uniform(0.5, 1.4) * furrow
    height[window] += zone["red"][window] * (lips - height[window])
    return height
