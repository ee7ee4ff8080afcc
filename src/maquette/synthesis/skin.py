"""The appearance of one head that does not exist: pigment, blood, hair roots, make-up, relief, eyes and mouth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import MorphableModel
from maquette.surface.pyramid import smoothstep
from maquette.synthesis import eyes, mouth, pigment, relief
from maquette.synthesis.guides import Guide, guide_of
from maquette.synthesis.noise import OCTAVES, direction
from maquette.synthesis.types import Identity, SkinMaps

DARKEST, LIGHTEST = 0.006, 0.96
ZONES = ("nose", "bridge", "cheeks", "cheekbones", "forehead", "glabella", "chin", "crease", "socket", "trough",
         "philtrum", "ears", "neck", "margin", "hollow", "under", "lid")  # fmt: skip
# Optical density that a zone adds: (melanin mean, melanin spread, blood mean, blood spread) over people.
ZONE_DENSITY = {
    "nose": (0.0, 0.03, 0.13, 0.09), "bridge": (-0.02, 0.03, 0.0, 0.04), "cheeks": (-0.02, 0.03, 0.11, 0.10),
    "cheekbones": (0.0, 0.05, 0.04, 0.05), "forehead": (0.05, 0.04, -0.05, 0.04), "glabella": (0.0, 0.02, 0.03, 0.04),
    "chin": (0.02, 0.03, 0.06, 0.05), "crease": (0.03, 0.03, 0.16, 0.07), "socket": (0.07, 0.06, 0.04, 0.05),
    "trough": (0.04, 0.06, 0.06, 0.06), "philtrum": (0.02, 0.03, 0.05, 0.04), "ears": (0.0, 0.04, 0.17, 0.09),
    "neck": (0.03, 0.05, 0.0, 0.05), "margin": (0.02, 0.02, 0.30, 0.10), "hollow": (0.05, 0.02, 0.75, 0.10),
    "under": (0.04, 0.03, 0.02, 0.03), "lid": (0.05, 0.07, 0.05, 0.05),
}  # fmt: skip
NOISE_DENSITY = {  # melanin, blood
    "broad": (0.030, 0.030), "patch": (0.022, 0.034), "blotch": (0.018, 0.032), "mottle": (0.016, 0.026),
    "grain": (0.016, 0.018),
}  # fmt: skip
LIPSTICKS = np.array([(0.34, 0.04, 0.05), (0.42, 0.12, 0.12), (0.22, 0.02, 0.05), (0.45, 0.18, 0.15), (0.3, 0.06, 0.1)])
EYE_SHADOWS = np.array([(0.10, 0.05, 0.04), (0.03, 0.03, 0.035), (0.22, 0.12, 0.10), (0.08, 0.06, 0.12)])
OILY = {"nose": 0.8, "bridge": 0.5, "forehead": 0.7, "glabella": 0.6, "chin": 0.5, "cheekbones": 0.2}


@dataclass(frozen=True, eq=False)
class Person:
    """What is drawn once per head.

    Attributes:
        identity: who it is.
        tone: 0.5-10.5 on the Monk scale.
        hair: (3,) linear RGB.
        fields: name -> (R, S) float32: "melanin" and "blood" densities, unit fields "blotch", "mottle", "grain",
            "level", "upright", and "oil" 0-1.
        made_up: 0-1, how much make-up is worn.
    """

    identity: Identity
    tone: float
    hair: NDArray
    fields: dict[str, NDArray]
    made_up: float


def paint_head(
    model: MorphableModel, identity: Identity, rng: np.random.Generator, size: int = 512, monk: int | None = None,
    scalp: float | None = None,
) -> SkinMaps:  # fmt: skip
    """Draw the skin, eyes and mouth of somebody in the charts of the head model.

    Args:
        model: the head; its charts and landmarks place everything.
        identity: age, gender and ancestry make tones, wrinkles and stubble likely.
        rng: decides all else; the same state gives the same maps.
        size: of the square maps, texels.
        monk: 1-10 to ask for a skin tone; None draws one.
        scalp: 0-1, how dark hair roots make the scalp; None draws it.
    """
    guide = guide_of(model, size)
    person = draw_person(guide, identity, rng, monk)
    density = skin_density(guide, person, rng)
    skin = pigment.tone_colour(person.tone).astype(np.float32) * np.exp(-density)
    height = relief.drawn_folds(guide, identity, rng) + relief.fine_relief(guide, person.fields, identity, rng)
    skin, height = add_marks(guide, person, rng, skin, height)
    skin = add_hair_roots(guide, person, rng, skin, scalp)
    skin = add_make_up(guide, person, rng, skin)
    skin = add_inside(guide, skin)
    albedo = np.empty((size, size, 3), np.float32)
    albedo[: guide.rows] = np.clip(skin, DARKEST, LIGHTEST)
    albedo[guide.rows :] = albedo[guide.rows - 1]
    eyes.paint_eyes(guide, albedo, identity, person.tone, rng)
    mouth.paint_mouth(guide, albedo, identity, person.tone, rng)
    displacement = np.zeros((size, size), np.float32)
    displacement[: guide.rows] = np.clip(height, -relief.LARGEST_M, relief.LARGEST_M)
    roughness = head_roughness(guide, person, rng)
    return SkinMaps(albedo, displacement, roughness, int(np.clip(round(person.tone), 1, 10)), person.hair)


@lru_cache(maxsize=2)
def _basis(guide: Guide) -> NDArray:
    """(n, R * S) float32: zones, then noise fields of all octaves: everything linear is one product with it."""
    rows = [guide.zones[name].reshape(1, -1) for name in ZONES]
    rows += [fields.reshape(len(fields), -1) for fields in guide.noise.values()]
    return np.ascontiguousarray(np.concatenate(rows), np.float32)


@lru_cache(maxsize=2)
def _basis_mean(guide: Guide) -> NDArray:
    """(n,) the basis' means over the bare face, so that zones and noise keep the tone."""
    bare = guide.zones["face"] * (1 - guide.zones["mouth"]) * (1 - guide.zones["hollow"]) > 0.7
    return _basis(guide)[:, bare.ravel()].mean(axis=1)


def draw_person(guide: Guide, identity: Identity, rng: np.random.Generator, monk: int | None) -> Person:
    """Tone, hair colour, and the face's own fields."""
    tone = pigment.draw_tone(identity, rng, monk)
    hair = pigment.draw_hair_colour(identity, tone, rng)
    names = ("melanin", "blood", "blotch", "mottle", "grain", "level", "upright", "oil")
    weights = np.zeros((len(names), len(_basis(guide))), np.float32)
    old = float(smoothstep(np.float64(identity.age), 30, 80))
    ruddy, uneven = np.exp(0.35 * rng.standard_normal()), rng.uniform(0.5, 1.3) * (0.8 + 0.7 * old)
    rosy = 0.35 + 0.65 * (1 - smoothstep(np.float64(tone), 3.5, 8))  # dark skin hides its blood
    for k, name in enumerate(ZONES):
        m_mean, m_spread, b_mean, b_spread = ZONE_DENSITY[name]
        weights[0, k] = m_mean + m_spread * rng.standard_normal()
        weights[1, k] = rosy * ruddy * (b_mean + b_spread * rng.standard_normal())
        weights[7, k] = OILY.get(name, 0.0)
    at = len(ZONES)
    for octave, (_, count) in OCTAVES.items():
        span = slice(at, at + count)
        melanin, blood = NOISE_DENSITY.get(octave, (0, 0))
        weights[0, span] = uneven * melanin * direction(rng, count)
        weights[1, span] = rosy * uneven * blood * direction(rng, count)
        if octave in names:
            weights[names.index(octave), span] = direction(rng, count)
        at += count
    made = (weights @ _basis(guide)).reshape(len(names), *guide.place.shape[:2])
    made[:2] -= (weights[:2] @ _basis_mean(guide))[:, None, None]
    woman = (1 - identity.gender) * smoothstep(np.float64(identity.age), 14, 20)
    made_up = float(rng.random() < 0.6 * woman) * rng.uniform(0.15, 1.0)
    return Person(identity, tone, hair, dict(zip(names, made, strict=True)), made_up)


def skin_density(guide: Guide, person: Person, rng: np.random.Generator) -> NDArray:
    """(R, S, 3) optical density over the tone: melanin, blood, freckles, lips."""
    zone, tone, fields = guide.zones, person.tone, person.fields
    melanin, blood = fields["melanin"], fields["blood"]
    pale = 1 - smoothstep(np.float64(tone), 2.5, 6)
    if rng.random() < 0.12 + 0.25 * pale:  # freckles: on the nose and cheeks of the pale
        where = np.clip(zone["nose"] + zone["cheeks"] + 0.8 * zone["cheekbones"] + zone["bridge"], 0, 1)
        where = where + rng.uniform(0, 0.4) * zone["face"]
        level = rng.uniform(1.1, 1.9)
        spots = smoothstep(fields["mottle"] + 0.5 * fields["grain"], level, level + 0.8)
        melanin = melanin + rng.uniform(0.15, 0.55) * where * spots
    red = zone["red"]
    lip_blood = rng.uniform(0.28, 0.62) * (1 - 0.6 * smoothstep(np.float64(tone), 4, 9))
    lip_melanin = rng.uniform(-0.05, 0.12) + rng.uniform(0.0, 0.2) * smoothstep(np.float64(tone), 4, 8)
    crease = 0.07 * (np.exp(-((fields["upright"] / 0.4) ** 2)) - 0.4)
    melanin = melanin + red * (lip_melanin + 0.3 * crease - 0.5 * melanin)
    blood = blood + red * (lip_blood + crease - 0.5 * blood)
    shade = 0.25 * zone["parting"] * red + 0.10 * zone["lidfold"]
    shade = shade + 1.3 * smoothstep(zone["nostrils"], 0.55, 1.0) * smoothstep(-guide.normal[..., 1], 0.1, 0.7)
    density = melanin[..., None] * pigment.MELANIN + blood[..., None] * pigment.HAEMOGLOBIN
    return density + shade[..., None]


def add_marks(
    guide: Guide, person: Person, rng: np.random.Generator, skin: NDArray, height: NDArray
) -> tuple[NDArray, NDArray]:
    """Moles, pimples, age spots and scars, each a small stamp."""
    identity = person.identity
    adult = float(smoothstep(np.float64(identity.age), 6, 25))
    old = float(smoothstep(np.float64(identity.age), 45, 75))
    teen = float(np.exp(-(((identity.age - 17) / 6) ** 2)))
    pale = float(1 - smoothstep(np.float64(person.tone), 4, 8))
    # kind: count, radius m, melanin, blood, height m
    kinds = (
        (rng.poisson(2.2 * adult), (0.0006, 0.0016), 0.9, 0.1, 1.5e-4),
        (rng.poisson(1.0 + 7 * teen), (0.0010, 0.0020), 0.03, 0.35 * (0.4 + 0.6 * pale), 2.5e-4),
        (rng.poisson(9 * old * (0.3 + 0.7 * pale)), (0.0015, 0.0045), 0.22, 0.0, 0.0),
        (rng.poisson(0.15 * adult), (0.0008, 0.0015), -0.12, 0.08, -2e-4),
    )
    for count, radii, melanin, blood, rise in kinds:
        for _ in range(count):
            row, column = rng.integers(guide.rows // 6, guide.rows - 40), rng.integers(30, guide.size - 30)
            radius, strength = rng.uniform(*radii), rng.uniform(0.4, 1.0)
            spread = rng.uniform(0.7, 1.4, 2)
            if guide.zones["face"][row, column] < 0.5 or guide.zones["lipsoft"][row, column] > 0.1:
                continue
            _stamp(guide, (row, column), radius, spread, strength * np.array([melanin, blood, rise]), skin, height)
    return skin, height


def _stamp(
    guide: Guide, at: tuple[int, int], radius: float, spread: NDArray, amounts: NDArray, skin: NDArray, height: NDArray
) -> None:
    """Put one round mark into skin and height, in place: they are being made by the caller."""
    row, column = at
    texel = max(float(np.linalg.norm(guide.place[row, column + 1] - guide.place[row, column])), 1e-4)
    reach = int(np.clip(3 * radius / texel, 2, 24))
    window = np.s_[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    offset = (guide.place[window] - guide.place[row, column]) * np.array([spread[0], spread[1], 1], np.float32)
    squared = (offset**2).sum(axis=2) / max(radius, 0.7 * texel) ** 2
    dot = np.exp(-(squared**1.5)).astype(np.float32)
    skin[window] *= np.exp(-dot[..., None] * (amounts[0] * pigment.MELANIN + amounts[1] * pigment.HAEMOGLOBIN))
    height[window] += amounts[2] * dot


def add_hair_roots(
    guide: Guide, person: Person, rng: np.random.Generator, skin: NDArray, scalp: float | None
) -> NDArray:
    """(R, S, 3): skin with brows, stubble and the scalp's hair roots."""
    zone, fields, identity = guide.zones, person.fields, person.identity
    man = identity.gender * float(smoothstep(np.float64(identity.age), 16, 24))
    hair = person.hair
    grain, blotch = fields["grain"], fields["blotch"]
    streaks = np.clip(0.8 + 0.35 * fields["upright"] + 0.15 * grain, 0.2, 1.3)
    brow = zone["brow"] * streaks * rng.uniform(0.45, 0.85) * (0.6 + 0.4 * smoothstep(zone["browalong"], 1.0, 0.8))
    brow_colour = np.minimum(hair * rng.uniform(0.7, 1.3), 0.30)
    skin = skin + np.clip(brow, 0, 0.92)[..., None] * (brow_colour - skin)
    lash = zone["lash"] * rng.uniform(0.45, 0.85)
    skin = skin + np.clip(lash, 0, 0.9)[..., None] * (0.5 * np.minimum(hair, 0.03) + 0.006 - skin)
    length = rng.choice([0.06, 0.2, 0.42, 0.65], p=[0.4, 0.3, 0.18, 0.12]) * rng.uniform(0.6, 1.2) * (man > 0.5) * man
    contrast = float(np.clip(1 - hair.mean() / max(float(pigment.tone_colour(person.tone).mean()), 0.02), 0.15, 1))
    if length > 0.01:
        dense = zone["beard"] * (0.8 + 0.25 * blotch) + 0.25 * zone["moustache"] * rng.uniform(0, 1)
        dense = np.clip(dense * smoothstep(zone["beard"], 0.05, 0.9), 0, 1)
        dots = np.clip(0.75 + 0.45 * grain, 0, 1.6)
        cover = np.clip(length * dense * (dots if length > 0.1 else 1), 0, 0.85)[..., None]
        # Roots below the skin look blue: scattering above them (the Tyndall effect).
        below = np.array([0.9, 1.0, 1.12]) * hair + np.array([0.012, 0.016, 0.022]) * contrast
        skin = skin + cover * (below - skin)
    amount = rng.uniform(0.55, 0.85) if scalp is None else scalp
    edge = smoothstep(zone["hairline"] + 0.09 * blotch + 0.06 * fields["mottle"], 0.32, 0.75)
    roots = np.clip(edge * amount * np.clip(0.9 + 0.22 * grain, 0.3, 1.3), 0, 0.95)
    return skin + roots[..., None] * (0.9 * hair + 0.004 - skin)


def add_make_up(guide: Guide, person: Person, rng: np.random.Generator, skin: NDArray) -> NDArray:
    """(R, S, 3): skin with lipstick, blush, eye shadow and eyeliner."""
    worn, zone = person.made_up, guide.zones
    if worn <= 0:
        return skin
    natural = pigment.tone_colour(person.tone) * [0.85, 0.5, 0.5]
    colour = LIPSTICKS[rng.integers(len(LIPSTICKS))] * (0.45 + 0.55 * natural[0] / 0.5)
    cover = np.clip(zone["red"] ** 0.7 * worn * rng.uniform(0.3, 1.0), 0, 0.9)
    texture = 1 + 0.10 * person.fields["upright"]
    skin = skin + cover[..., None] * (colour * texture[..., None] - skin)
    blush = worn * rng.uniform(0, 0.25) * zone["cheekbones"]
    skin = skin * np.exp(-blush[..., None] * pigment.HAEMOGLOBIN)
    shadow = EYE_SHADOWS[rng.integers(len(EYE_SHADOWS))]
    skin = skin + (worn * rng.uniform(0, 0.55) * zone["lid"])[..., None] * (shadow - skin)
    liner = np.clip(worn * rng.uniform(0.2, 1.2) * zone["liner"], 0, 0.9)
    return skin + liner[..., None] * (0.008 - skin)


def add_inside(guide: Guide, skin: NDArray) -> NDArray:
    """(R, S, 3): skin with the dark red cavity of the mouth."""
    deep = guide.zones["mouth"]
    cavity = np.array([0.16, 0.035, 0.03], np.float32)
    return skin + smoothstep(deep, 0.1, 0.9)[..., None].astype(np.float32) * (cavity - skin)


def head_roughness(guide: Guide, person: Person, rng: np.random.Generator) -> NDArray:
    """(S, S) float32: skin 0.35-0.6, oily where glands are, lips and the wet parts smoother."""
    zone = guide.zones
    oil = np.clip(person.fields["oil"], 0, 1) * rng.uniform(0.02, 0.17)
    rough = rng.uniform(0.42, 0.58) - oil + 0.025 * person.fields["blotch"] + 0.02 * person.fields["grain"]
    gloss = 0.40 - person.made_up * rng.uniform(0, 0.18) + 0.05 * person.fields["upright"]
    rough = rough + zone["red"] * (gloss - rough)
    rough = rough + np.maximum(zone["mouth"], zone["hollow"]) * (0.3 - rough)
    roughness = np.full((guide.size, guide.size), 0.3, np.float32)
    roughness[: guide.rows] = np.clip(rough, 0.15, 0.85)
    for part, value in (("eyeLeft", 0.12), ("eyeRight", 0.12), ("teeth", 0.25), ("tongue", 0.35)):
        roughness[guide.charts[part].region] = value
    return roughness
