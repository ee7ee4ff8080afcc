"""Ways to wear hair, and how often people wear them. Lengths in metres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from maquette.synthesis.types import Identity


@dataclass(frozen=True)
class Style:
    """One cut.

    Attributes:
        name: what a hairdresser calls it.
        top, side, back: length of the hair on the crown, over the ears and at the nape, metres.
        comb: the way it is combed: "whorl" (away from the crown), "part", "back", "forward" or "tail" (to a tie).
        lift: how far a hair starts off the skin: 0 along it, 1 straight up.
        fall: how fast hair bends downwards, per 10 mm; long hair hangs, coils stand.
        hold: how fast it bends to the way it is combed, per 10 mm.
        cling: how fast it bends back to the head where it stands off more than its volume, per 10 mm.
        volume: metres between the skin and the hair's outside at the middle of its length.
        clump: how far tips gather in locks, 0-1.
        wave: metres of sideways swing; turns: swings per metre.
        coil: whether the wave turns like a corkscrew.
        frizz: metres of scatter at the tips.
        fringe: length of the hair over the forehead measured from the hairline, metres, or None.
        bun: whether the tail is wound into a ball.
        radius: metres, at the root.
        count: tufts.
    """

    name: str
    top: float
    side: float
    back: float
    comb: str = "whorl"
    lift: float = 0.3
    fall: float = 0.3
    hold: float = 0.8
    cling: float = 0.8
    volume: float = 0.008
    clump: float = 0.3
    wave: float = 0.001
    turns: float = 15.0
    coil: bool = False
    frizz: float = 0.004
    fringe: float | None = None
    bun: bool = False
    radius: float = 0.0008
    count: int = 4400


_CUTS = (
    Style("buzz", 0.006, 0.004, 0.004, "whorl", 0.6, 0, volume=0.003, clump=0, frizz=0.001, wave=0, count=5400),
    Style("crop", 0.024, 0.010, 0.009, lift=0.35, fall=0.1, hold=1.0, volume=0.009, frizz=0.003, count=4600),
    Style("short", 0.042, 0.018, 0.015, lift=0.35, fall=0.1, hold=1.2, volume=0.012, frizz=0.005, count=4600),
    Style("side part", 0.075, 0.022, 0.017, "part", 0.4, 0.15, 0.9, volume=0.015, frizz=0.004, count=4600),
    Style("swept back", 0.08, 0.028, 0.026, "back", 0.45, 0.08, 1.2, volume=0.013, count=4600),
    Style("quiff", 0.05, 0.008, 0.007, "back", 0.7, 0.05, 0.9, volume=0.020, frizz=0.004, count=5400),
    Style("fringe", 0.09, 0.045, 0.045, "forward", 0.3, 0.3, volume=0.012, fringe=0.040, count=4600),
    Style("bowl", 0.13, 0.085, 0.075, "forward", 0.3, 0.5, volume=0.013, fringe=0.044, count=4600),
    Style("bob", 0.23, 0.15, 0.11, "part", 0.35, 0.45, volume=0.016, count=4600),
    Style("bob fringe", 0.24, 0.16, 0.12, "part", 0.35, 0.45, volume=0.016, fringe=0.042, count=4600),
    Style("long", 0.42, 0.34, 0.28, "part", 0.3, 0.45, volume=0.011, radius=0.0009, count=4600),
    Style("long fringe", 0.42, 0.34, 0.28, "part", 0.3, 0.45, volume=0.012, fringe=0.043, radius=0.0009),
    Style("long wavy", 0.38, 0.31, 0.26, "part", 0.4, 0.4, volume=0.02, clump=0.5, wave=0.006, turns=12, frizz=0.010),
    Style("long back", 0.42, 0.34, 0.28, "back", 0.35, 0.4, volume=0.013, frizz=0.006, radius=0.0009),
    Style("curly", 0.11, 0.08, 0.08, "whorl", 0.7, 0.2, 0.3, 0.1, volume=0.025, clump=0.6, wave=0.006, turns=30,
          coil=True, frizz=0.01, radius=0.0009),
    Style("long curly", 0.30, 0.26, 0.22, "part", 0.55, 0.3, volume=0.03, clump=0.6, wave=0.009, turns=20, coil=True,
          frizz=0.016),
    Style("coily short", 0.014, 0.009, 0.008, "whorl", 0.9, 0, 0, 0, volume=0.01, clump=0.6, wave=0.002, turns=90,
          coil=True, frizz=0.002, radius=0.0010, count=5400),
    Style("afro", 0.05, 0.043, 0.04, "whorl", 1.0, 0.02, 0, 0, volume=0.05, clump=0, wave=0.007, turns=60, coil=True,
          frizz=0.011, radius=0.0016, count=5400),
    Style("locs", 0.27, 0.22, 0.18, "part", 0.4, 0.4, volume=0.016, clump=0.97, wave=0.002, turns=20, frizz=0.001,
          count=4600),
    Style("bun", 0.32, 0.24, 0.2, "tail", 0.1, 0.5, volume=0.006, clump=0.2, frizz=0.001, bun=True, count=4600),
    Style("ponytail", 0.42, 0.36, 0.34, "tail", 0.1, 0.5, volume=0.006, clump=0.2, frizz=0.003, count=4600),
)  # fmt: skip
STYLES = {style.name: style for style in _CUTS}

# Shares among adults of one group; rough, from looking at crowds. Coils belong to African ancestry, the rest is shared.
WOMEN = {
    "short": 3, "side part": 2, "crop": 1, "bob": 10, "bob fringe": 6, "long": 16, "long fringe": 8, "long wavy": 18,
    "long back": 6, "curly": 4, "long curly": 5, "bun": 9, "ponytail": 10,
}  # fmt: skip
MEN = {
    "buzz": 11, "crop": 22, "short": 22, "side part": 14, "swept back": 7, "quiff": 8, "fringe": 6, "curly": 4,
    "bob": 2, "long": 2, "long wavy": 1, "bun": 1, "bowl": 1,
}  # fmt: skip
COILY_WOMEN = {
    "coily short": 8, "afro": 14, "locs": 12, "long curly": 10, "curly": 8, "bun": 10, "ponytail": 6, "long": 8,
    "bob": 6, "buzz": 4,
}  # fmt: skip
COILY_MEN = {"buzz": 26, "coily short": 32, "afro": 10, "locs": 10, "curly": 4}
CHILDREN = {"fringe": 4, "bowl": 4}


def draw_style(identity: Identity, rng: np.random.Generator) -> Style | None:
    """A cut that somebody of that age, gender and ancestry may wear, with lengths of its own; None is bald."""
    man = rng.random() < identity.gender
    coily = rng.random() < identity.ancestry[0] ** 1.5
    shares: dict[str, float] = dict((COILY_MEN if coily else MEN) if man else (COILY_WOMEN if coily else WOMEN))
    if identity.age < 12 and not coily:
        for name, share in CHILDREN.items():
            shares[name] = shares.get(name, 0) + share * (3 if man else 1)
    if man and rng.random() < np.interp(identity.age, [22, 35, 50, 75], [0.01, 0.07, 0.14, 0.2]):
        return None
    if identity.age > 60:  # older people wear it shorter
        shares = {name: share * (0.35 if STYLES[name].top > 0.15 else 1.3) for name, share in shares.items()}
    names = list(shares)
    weights = np.array([shares[name] for name in names], float)
    return vary(STYLES[names[rng.choice(len(names), p=weights / weights.sum())]], identity, rng)


def vary(style: Style, identity: Identity, rng: np.random.Generator) -> Style:
    """The same cut on somebody else: other lengths, volume, waviness; straighter for Asian ancestry."""
    factor = np.exp(rng.normal(0, 0.16))
    straight = 1 - 0.7 * identity.ancestry[1]
    sides = np.exp(rng.normal(0, 0.25))
    waviness = style.wave if style.coil else (style.wave + abs(rng.normal(0, 0.0015))) * straight
    return replace(
        style,
        top=style.top * factor,
        side=style.side * factor * sides,
        back=style.back * factor * sides,
        lift=float(np.clip(style.lift * np.exp(rng.normal(0, 0.15)), 0, 1)),
        volume=style.volume * np.exp(rng.normal(0, 0.2)),
        clump=float(np.clip(style.clump + rng.normal(0, 0.12), 0, 1)),
        wave=waviness * np.exp(rng.normal(0, 0.25)),
        turns=style.turns * np.exp(rng.normal(0, 0.15)),
        frizz=style.frizz * np.exp(rng.normal(0, 0.3)),
        fringe=None if style.fringe is None else style.fringe + rng.normal(0, 0.005),
        radius=style.radius * np.exp(rng.normal(0, 0.1)),
    )
