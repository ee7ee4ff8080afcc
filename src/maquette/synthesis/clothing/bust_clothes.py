"""What people wear above the waist: shirts, jumpers, suits, dresses, each a few pieces of cloth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.imaging.srgb import linear
from maquette.synthesis.anatomy.bust import Bust
from maquette.synthesis.clothing.cloth import Neckline, drape, folds, neckline, shell, standing_strip
from maquette.synthesis.clothing.patterns import draw_color, draw_pattern, wrinkles
from maquette.synthesis.types import Identity, SceneSurface
from maquette.texturing.images import smoothstep

SHARES = {  # of grown-ups
    "t-shirt": 0.24,
    "v-neck": 0.13,
    "shirt": 0.2,
    "turtleneck": 0.08,
    "hoodie": 0.1,
    "suit": 0.13,
    "straps": 0.05,
    "dress": 0.07,
}
CHILDREN = {"suit": 0.1, "straps": 0.5, "turtleneck": 0.5, "v-neck": 0.6}  # times as often under 14
WOMEN = {"suit": 0.4, "straps": 2.5, "dress": 2.5}
MEN = {"straps": 0.3, "dress": 0.0}
# A round neckline on the average bust: half its width; heights of the throat's hollow, the neck's sides and the nape; z
# at the sides; how rounded it is behind.
THROAT_HALF_WIDTH_M, THROAT_M, SIDE_M, NAPE_M, MIDDLE_M, ROUND_M = 0.080, -0.205, -0.172, -0.180, -0.115, 0.010
SPAN = 0.075  # metres for a neckline half as wide again


@dataclass(frozen=True, eq=False)
class BustOutfit:
    """Clothes from inside to outside, and how far inside them the skin lies: (n,) metres, below 0 where it is bare."""

    surfaces: list[SceneSurface]
    covered: NDArray


def round_neck(bust: Bust, wider: float = 0.0, lower: float = 0.0) -> NDArray:
    """(n,) about metres outside a curve around the neck, in front an ellipse as seen from there.

    Args:
        wider, lower: metres by which it is opened to the sides and in front.
    """
    x, y, z = bust.canonical.T
    wide = THROAT_HALF_WIDTH_M + wider
    before = SPAN * (np.hypot(x / wide, np.maximum(SIDE_M - y, 0) / (SIDE_M - THROAT_M + lower)) - 1)
    behind = nape(bust, wide)
    return behind + (before - behind) * smoothstep((z - MIDDLE_M) / 0.03 + 0.5, 0, 1)


def nape(bust: Bust, wide: float) -> NDArray:
    """(n,) metres outside the rounded box that every neckline is at the back; `wide` metres to each side."""
    x, y, _ = bust.canonical.T
    return ROUND_M * np.logaddexp((np.abs(x) - wide) / ROUND_M, (NAPE_M - y) / ROUND_M)


def v_neck(bust: Bust, depth: float, half_width: float = 0.086) -> NDArray:
    """(n,) metres outside a V whose tip lies `depth` metres under the hollow of the throat."""
    x, y, z = bust.canonical.T
    tip = THROAT_M - depth
    slope = (-0.165 - tip) / half_width
    edge = (tip + np.abs(x) * slope - y) / np.hypot(1, slope)
    behind = nape(bust, half_width)
    return behind + (edge - behind) * smoothstep((z - MIDDLE_M) / 0.03 + 0.5, 0, 1)


def sleeves(bust: Bust, length: float) -> NDArray:
    """(n,) metres before the end of the sleeves: length 0 leaves the shoulders bare, 1 reaches the elbows."""
    if length <= 0:
        return 0.09 * (0.5 - bust.arm)
    along = -0.21 - bust.canonical[:, 1]
    return np.where(bust.arm > 0.5, 0.36 * length - along, 0.36 * length)


def cloth_of(bust: Bust, rng: np.random.Generator, thick: float, loose: int, creased: float) -> NDArray:
    """(n, 3) the shape of a garment `thick` metres over the skin, with folds of about `creased` metres."""
    offset = thick * bust.scale + np.abs(folds(bust, rng, creased))
    return drape(bust, offset, loose)


def band(bust: Bust, field: NDArray, albedo: NDArray, width: float, out: float = 0.003) -> SceneSurface:
    """The knitted edge of a neckline, a flat ring `width` metres high."""
    rows = np.array([[out + 0.002, -0.004], [out + 0.004, 0.0], [out + 0.003, 0.6 * width], [out - 0.001, width]])
    return standing_strip(bust, neckline(bust, field), lambda turn: np.tile(rows, (len(turn), 1, 1)), albedo)


def collar(bust: Bust, field: NDArray, albedo: NDArray, rng: np.random.Generator, open_: float) -> SceneSurface:
    """A shirt's collar: it stands, folds over, and ends in two points in front; `open_` radians apart."""
    stand, fall, point = rng.uniform(0.022, 0.032), rng.uniform(0.03, 0.038), rng.uniform(0.012, 0.035)

    def profile(turn: NDArray) -> NDArray:
        front = smoothstep(1 - (np.abs(turn) - open_) / 0.9, 0, 1)[:, None]
        out = np.array([0.004, -0.004, -0.010, -0.008, -0.003, 0.006, 0.014])
        up = np.array([-0.004, 0.5 * stand, stand, stand + 0.003, stand - 0.004, stand - 0.5 * fall, stand - fall])
        ends = np.array([0, 0, 0, 0, 0.1, 0.5, 1.0])
        return np.stack([out + front * (0.008 * ends + 0.006), up - front * (point * ends + 0.006)], axis=-1)

    line = neckline(bust, field, 72)
    beside = np.abs(line.turn) > open_
    return standing_strip(bust, _rotated(line, beside), profile, albedo, np.array([2, 3, 3, 6, 9, 10, 10]) / 1000)


def _rotated(line: Neckline, keep: NDArray) -> Neckline:
    """The curve without the part in front, from the left end over the back to the right end."""
    index = np.flatnonzero(keep)
    index = np.concatenate([index[line.turn[index] > 0], index[line.turn[index] <= 0][1:]])
    return replace(line, points=line.points[index], out=line.out[index], turn=line.turn[index])


def t_shirt(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A round neck with a knitted edge."""
    field = round_neck(bust, rng.uniform(-0.004, 0.012), rng.uniform(0, 0.02))
    color = draw_color(rng)
    shape = cloth_of(bust, rng, rng.uniform(0.003, 0.007), 5, 0.004)
    ends = sleeves(bust, rng.uniform(0.45, 1.2))
    pieces = [shell(bust, shape, [field, ends], draw_pattern(rng, color), wrinkles(rng, 6e-4))]
    edge = color if rng.random() < 0.7 else draw_color(rng)
    return BustOutfit([*pieces, band(bust, field, 0.9 * edge, rng.uniform(0.008, 0.016))], np.minimum(field, ends))


def v_neck_top(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A jumper or T-shirt with a V, sometimes over a shirt."""
    field = v_neck(bust, rng.uniform(0.03, 0.11))
    color = draw_color(rng)
    pieces, covered = [], field
    if rng.random() < 0.3:
        under = shirt(bust, rng, True, 0.002)
        pieces, covered = under.surfaces, under.covered
    shape = cloth_of(bust, rng, 0.012 if pieces else rng.uniform(0.004, 0.007), 6, 0.005)
    pattern = draw_pattern(rng, color, ("plain", "plain", "heather", "stripes"))
    pieces = [*pieces, shell(bust, shape, [field], pattern, wrinkles(rng, 7e-4))]
    edge = shape + 0.0015 * bust.normals
    pieces.append(shell(bust, edge, [field, rng.uniform(0.008, 0.02) - field], 0.85 * color))
    return BustOutfit(pieces, np.maximum(field, covered))


def shirt(bust: Bust, rng: np.random.Generator, buttoned: bool | None = None, creased: float = 0.006) -> BustOutfit:
    """Woven cloth with a collar; buttoned up, or open in a short V; folds of `creased` metres."""
    closed = rng.random() < 0.4 if buttoned is None else buttoned
    round_ = round_neck(bust, -0.004)
    field = round_ if closed else v_neck(bust, rng.uniform(0.02, 0.08), 0.078)
    color = linear(np.array([0.93, 0.93, 0.94], np.float32)) if rng.random() < 0.35 else draw_color(rng, dark=0.2)
    shape = cloth_of(bust, rng, 0.006, 6, creased)
    pattern = draw_pattern(rng, color, ("plain", "plain", "bars", "checks", "dots"))
    x, _, z = bust.canonical.T
    placket = [0.016 - np.abs(x), z + 0.1, field - 0.002]
    pieces = [shell(bust, shape, [field], pattern, wrinkles(rng, 8e-4))]
    pieces.append(shell(bust, shape + 0.001 * bust.normals, placket, 0.93 * color))
    pieces.append(collar(bust, round_, color, rng, 0.12 if closed else rng.uniform(0.3, 0.6)))
    return BustOutfit(pieces, field)


def turtleneck(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A knitted tube up the neck, folded over."""
    color = draw_color(rng)
    field = round_neck(bust, -0.006, -0.008)
    shape = cloth_of(bust, rng, 0.006, 4, 0.004)
    pattern = draw_pattern(rng, color, ("plain", "heather", "heather", "stripes"))
    high, fall = rng.uniform(0.035, 0.055), rng.uniform(0.02, 0.045)

    def profile(turn: NDArray) -> NDArray:
        top = high * (0.9 + 0.25 * smoothstep(np.abs(turn) / 2.6, 0, 1)[:, None])
        out = np.array([0.006, -0.008, -0.018, -0.024, -0.023, -0.017, -0.012, -0.004])
        up = top * [0, 0.3, 0.7, 1, 1, 1, 1, 1] + np.array([-0.004, 0, 0, 0, 0.003, -0.003, -0.5 * fall, -fall])
        return np.stack([np.broadcast_to(out, up.shape), up], axis=-1)

    clear = np.array([3, 3, 3, 4, 7, 9, 10, 9]) / 1000
    tube = standing_strip(bust, neckline(bust, field), profile, color, clear)
    return BustOutfit([shell(bust, shape, [field], pattern, wrinkles(rng, 5e-4)), tube], field)


def hoodie(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """Thick cloth with the hood lying on the back."""
    color = draw_color(rng)
    field = round_neck(bust, 0.0, rng.uniform(0, 0.02))
    shape = cloth_of(bust, rng, 0.011, 8, 0.008)
    full = rng.uniform(0.75, 1.15)

    def profile(turn: NDArray) -> NDArray:
        rear = smoothstep((np.abs(turn) - 0.3) / 2.3, 0, 1)[:, None] * full
        t = np.linspace(0, 1, 9)
        out = 0.008 + 0.02 * np.sin(np.pi * t) + 0.062 * np.sin(0.8 * np.pi * t) * rear
        up = -0.008 + (0.022 + 0.022 * rear) * np.sin(np.pi * np.minimum(t * 1.3, 1)) - (0.02 + 0.07 * rear) * t**2
        return np.stack([out, up], axis=-1)

    pattern = draw_pattern(rng, color, ("plain", "plain", "heather", "print"))
    pieces = [shell(bust, shape, [field], pattern, wrinkles(rng, 8e-4))]
    return BustOutfit([*pieces, standing_strip(bust, neckline(bust, field, 72), profile, 0.95 * color, 0.006)], field)


def suit(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A jacket with lapels over a shirt, mostly with a tie."""
    under = shirt(bust, rng, rng.random() < 0.8, 0.001)
    x, y, z = bust.canonical.T
    front = z + 0.1
    normals = bust.normals.astype(np.float32) * bust.scale
    drawn = np.array([0.16, 0.17, 0.2]) * rng.uniform(0.4, 2.6) + 0.02 * rng.normal(size=3)
    dark = linear(np.clip(drawn, 0.02, 0.9).astype(np.float32))
    color = dark if rng.random() < 0.75 else draw_color(rng)
    pieces = list(under.surfaces)
    if rng.random() < 0.75:
        silk, lies = draw_color(rng), cloth_of(bust, rng, 0.0095, 6, 0.0)
        half = 0.011 + 0.08 * np.clip(-0.225 - y, 0, 0.6)
        stuff = draw_pattern(rng, silk, ("plain", "plain", "stripes", "dots", "checks"))
        pieces.append(shell(bust, lies, [half - np.abs(x), -0.22 - y, front], stuff))
        knot = [0.019 + 0.35 * (y + 0.205) - np.abs(x), -0.193 - y, y + 0.228, front]
        pieces.append(shell(bust, lies + 0.006 * normals, knot, 0.85 * silk))
    opening = v_neck(bust, rng.uniform(0.16, 0.26), 0.084)
    shape = cloth_of(bust, rng, 0.016, 8, 0.004)
    stuff = draw_pattern(rng, color, ("plain", "plain", "heather", "bars"))
    pieces.append(shell(bust, shape, [opening], stuff, wrinkles(rng, 5e-4)))
    wide = rng.uniform(0.03, 0.055) * np.clip((-0.15 - y) / 0.11, 0.3, 1)
    notch = y + 0.262 + 0.3 * (opening - 0.02)
    for half, share in ((-notch - 0.0015, 1.0), (notch - 0.0015, 0.8)):
        edges = [share * wide - opening, opening - 0.001, half]
        pieces.append(shell(bust, shape + 0.004 * normals, edges, 0.9 * color))
    return BustOutfit(pieces, np.maximum(under.covered, opening))


def straps(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A top that hangs from two straps."""
    x, y, z = bust.canonical.T
    edge = np.where(z > -0.115, -0.27, -0.30) - rng.uniform(0, 0.03) + 0.25 * np.clip(np.abs(x) - 0.05, 0, 1)
    half, arms = rng.uniform(0.005, 0.02), sleeves(bust, 0)
    shape = cloth_of(bust, rng, 0.003, 3, 0.002)
    pattern = draw_pattern(rng, draw_color(rng))
    pieces = [shell(bust, shape, [edge - y, arms], pattern, wrinkles(rng, 4e-4))]
    strap = [half - np.abs(np.abs(x) - 0.092), y - edge]
    pieces.append(shell(bust, shape, strap, pattern))
    return BustOutfit(pieces, np.minimum(np.maximum(edge - y, strap[0]), arms))


def dress(bust: Bust, rng: np.random.Generator) -> BustOutfit:
    """A wide or deep neckline, with short sleeves or none."""
    wide, lower = rng.uniform(0.005, 0.05), rng.uniform(0.01, 0.07)
    fields = [round_neck(bust, wide, lower), sleeves(bust, rng.choice([0.0, 0.3, 0.6, 1.2]))]
    shape = cloth_of(bust, rng, 0.004, 4, 0.004)
    pattern = draw_pattern(rng, draw_color(rng), ("plain", "dots", "blotches", "blotches", "stripes"))
    return BustOutfit([shell(bust, shape, fields, pattern, wrinkles(rng, 5e-4))], np.minimum(*fields))


GARMENTS = {
    "t-shirt": t_shirt,
    "v-neck": v_neck_top,
    "shirt": shirt,
    "turtleneck": turtleneck,
    "hoodie": hoodie,
    "suit": suit,
    "straps": straps,
    "dress": dress,
}


def draw_clothes(bust: Bust, identity: Identity, rng: np.random.Generator, name: str | None = None) -> BustOutfit:
    """Clothes for somebody; `name` is a key of GARMENTS, else one is drawn that suits age and gender."""
    factors = [MEN if identity.gender > 0.5 else WOMEN] + ([CHILDREN] if identity.age < 14 else [])
    share = np.array([s * np.prod([f.get(k, 1.0) for f in factors]) for k, s in SHARES.items()])
    drawn = list(SHARES)[rng.choice(len(share), p=share / share.sum())]
    return GARMENTS[name or drawn](bust, rng)
