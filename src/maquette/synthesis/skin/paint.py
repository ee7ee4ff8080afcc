"""The appearance of one head that does not exist: pigment, blood, hair roots, make-up, relief, eyes and mouth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.morphable import MorphableModel
from maquette.synthesis.skin import eyes, mouth, pigment, relief
from maquette.synthesis.skin.guides import COARSER, FAST_OCTAVES, SLOW_OCTAVES, SLOW_ZONES, SkinGuide, guide_of
from maquette.synthesis.skin.noise import OCTAVES, direction, mixed
from maquette.synthesis.types import Identity, SkinMaps
from maquette.texturing.images import smoothstep

DARKEST, LIGHTEST = 0.006, 0.96
MOST_BLOOD = 0.17  # optical density in green that a flushed cheek may add
ROAM = 0.5  # of folds that are asked for, see `drawn_folds`
FOLDED_AGE = 20.0  # years; younger folds cast no shade
GROOVE_SHADE = (230.0, 400.0, 440.0)  # optical density per metre of depth: light in a fold is less, and redder
CAVITY = np.array([0.16, 0.035, 0.03])  # linear RGB of the mouth's inside
# Optical density that a zone adds: (melanin mean, melanin spread, blood mean, blood spread) over people.
ZONE_DENSITY = {
    "nose": (0.0, 0.03, 0.11, 0.07), "bridge": (-0.02, 0.03, 0.0, 0.04), "cheeks": (-0.02, 0.03, 0.07, 0.055),
    "cheekbones": (0.0, 0.05, 0.04, 0.05), "forehead": (0.03, 0.04, -0.015, 0.03), "glabella": (0.0, 0.02, 0.03, 0.04),
    "chin": (0.02, 0.03, 0.06, 0.05), "crease": (0.03, 0.03, 0.16, 0.07), "socket": (0.07, 0.06, 0.04, 0.05),
    "trough": (0.04, 0.06, 0.06, 0.06), "philtrum": (0.02, 0.03, 0.05, 0.04), "ears": (0.0, 0.04, 0.11, 0.07),
    "neck": (0.03, 0.05, 0.0, 0.05), "under": (0.04, 0.03, 0.02, 0.03), "lid": (0.05, 0.07, 0.05, 0.05),
}  # fmt: skip
NOISE_DENSITY = {  # melanin, blood
    "broad": (0.028, 0.020), "patch": (0.020, 0.022), "blotch": (0.016, 0.020), "mottle": (0.019, 0.025),
    "grain": (0.027, 0.026),
}  # fmt: skip
LIPSTICKS = np.array([(0.34, 0.04, 0.05), (0.42, 0.12, 0.12), (0.22, 0.02, 0.05), (0.45, 0.18, 0.15), (0.3, 0.06, 0.1)])
EYE_SHADOWS = np.array([(0.10, 0.05, 0.04), (0.03, 0.03, 0.035), (0.22, 0.12, 0.10), (0.08, 0.06, 0.12)])
OILY = {"nose": 0.8, "bridge": 0.5, "forehead": 0.7, "glabella": 0.6, "chin": 0.5, "cheekbones": 0.2}


@dataclass(frozen=True, eq=False)
class Complexion:
    """What is drawn once per head.

    Attributes:
        identity: who it is.
        tone: 0.5-10.5 on the Monk scale.
        hair: (3,) linear RGB.
        fields: name -> (R, S) float32: "melanin" and "blood" densities, unit fields "blotch", "mottle", "grain",
            and "bend" (slow), and "oil" 0-1; "upright": a unit field within the window of the zone "red" only.
        made_up: 0-1, how much make-up is worn.
    """

    identity: Identity
    tone: float
    hair: NDArray
    fields: dict[str, NDArray]
    made_up: float


def paint_head(
    model: MorphableModel, identity: Identity, rng: np.random.Generator, size: int = 512, monk: int | None = None,
    scalp: float | None = None, folds: tuple[float, float] | None = None,
) -> SkinMaps:  # fmt: skip
    """Draw the skin, eyes and mouth of somebody in the charts of the head model.

    Args:
        model: the head; its charts and landmarks place everything.
        identity: age, gender and ancestry make tones, wrinkles and stubble likely.
        rng: decides all else; the same state gives the same maps.
        size: of the square maps, texels.
        monk: 1-10 to ask for a skin tone; None draws one.
        scalp: 0-1, how dark hair roots make the scalp; None draws it.
        folds: age that the folds are at least of, years, and how much deeper they are; they lie in other places too
            then; None: as the identity has.
    """
    guide = guide_of(model, size)
    complexion = draw_complexion(guide, identity, rng, monk)
    skin = painted_skin(guide, complexion, rng)
    age, deeper = (0.0, 1.0) if folds is None else folds
    folded = replace(identity, age=max(identity.age, age))
    height = np.float32(deeper) * relief.drawn_folds(
        guide, complexion.fields, folded, rng, 0.0 if folds is None else ROAM
    )
    if folded.age > FOLDED_AGE:
        hollow = np.minimum(height, 0)
        for channel, shade in zip(skin, GROOVE_SHADE, strict=True):
            channel *= cv2.exp(hollow * np.float32(shade))
    height += relief.fine_relief(guide, complexion.fields, identity, rng)
    add_marks(guide, complexion, rng, skin, height)
    add_hair_roots(guide, complexion, rng, skin, scalp)
    add_make_up(guide, complexion, rng, skin)
    blend(guide, skin, "mouth", smoothstep(guide.zones["mouth"][guide.windows["mouth"]], 0.1, 0.9), CAVITY)
    albedo = np.empty((size, size, 3), np.float32)
    albedo[: guide.rows] = cv2.merge(list(np.clip(skin, DARKEST, LIGHTEST, out=skin)))
    albedo[guide.rows :] = albedo[guide.rows - 1]
    eyes.paint_eyes(guide, albedo, identity, complexion.tone, rng)
    mouth.paint_mouth(guide, albedo, identity, complexion.tone, rng)
    displacement = np.zeros((size, size), np.float32)
    displacement[: guide.rows] = np.clip(height, -relief.LARGEST_M, relief.LARGEST_M)
    roughness = head_roughness(guide, complexion, rng)
    return SkinMaps(albedo, displacement, roughness, int(np.clip(round(complexion.tone), 1, 10)), complexion.hair)


def draw_complexion(guide: SkinGuide, identity: Identity, rng: np.random.Generator, monk: int | None) -> Complexion:
    """Tone, hair colour, and the face's own fields."""
    tone = pigment.draw_tone(identity, rng, monk)
    hair = pigment.draw_hair_colour(identity, tone, rng)
    old = float(smoothstep(np.float64(identity.age), 30, 80))
    uneven = rng.uniform(0.5, 1.25) * (0.8 + 0.6 * old)
    rosy = float(0.35 + 0.65 * (1 - smoothstep(np.float64(tone), 3.5, 8)))  # dark skin hides its blood
    scale = np.array([uneven, uneven * rosy])
    shape = guide.place.shape[:2]
    slow = slow_weights(rng, scale, rosy * np.exp(0.3 * rng.standard_normal()))
    coarse = (slow @ guide.slow).reshape(4, guide.rows // COARSER, guide.size // COARSER)
    coarse[1] *= np.clip(1 + 0.4 * coarse[3], 0.2, 1.8)  # blood is nowhere as even as the zones
    coarse[1] = MOST_BLOOD * np.tanh(coarse[1] / MOST_BLOOD)
    mean = slow @ guide.slow_mean
    names = ("melanin", "blood", *FAST_OCTAVES)
    made = mixed(fast_weights(rng, scale), guide.noise["fast"]).reshape(len(names), *shape)
    fields = dict(zip(names, made, strict=True))
    for k, name in enumerate(("melanin", "blood", "oil", "bend")):
        smooth = cv2.resize(coarse[k] - (mean[k] if k < 2 else 0), shape[::-1], interpolation=cv2.INTER_LINEAR)
        fields[name] = smooth if k >= 2 else cv2.add(fields[name], smooth, fields[name])
    window = guide.windows["red"]
    upright = guide.noise["upright"].reshape(-1, *shape)[(slice(None), *window)]
    fields["upright"] = np.tensordot(direction(rng, len(upright)), upright, 1)
    woman = (1 - identity.gender) * smoothstep(np.float64(identity.age), 14, 20)
    made_up = float(rng.random() < 0.6 * woman) * rng.uniform(0.15, 1.0)
    return Complexion(identity, tone, hair, fields, made_up)


def slow_weights(rng: np.random.Generator, uneven: NDArray, rosy: float) -> NDArray:
    """(4, n) float32: how much of each of the guide's slow fields goes into melanin, blood, oil and bend.

    Args:
        uneven: (2,) strength of the noise in melanin and blood.
        rosy: strength of the zones in blood.
    """
    columns = []
    for name in SLOW_ZONES:
        melanin, melanin_spread, blood, blood_spread = ZONE_DENSITY[name]
        columns.append([melanin + melanin_spread * rng.standard_normal(),
                        rosy * (blood + blood_spread * rng.standard_normal()), OILY.get(name, 0.0), 0.0])  # fmt: skip
    for octave in SLOW_OCTAVES:
        count = OCTAVES[octave][1]
        melanin, blood = np.array(NOISE_DENSITY[octave]) * uneven
        column = [melanin * direction(rng, count), blood * direction(rng, count), np.zeros(count)]
        columns += np.stack([*column, direction(rng, count)], axis=1).tolist()
    return np.array(columns, np.float32).T


def fast_weights(rng: np.random.Generator, uneven: NDArray) -> NDArray:
    """(2 + octaves, n) float32: how much of the guide's fast fields goes into melanin, blood and each unit field."""
    weights = np.zeros((2 + len(FAST_OCTAVES), sum(OCTAVES[name][1] for name in FAST_OCTAVES)), np.float32)
    at = 0
    for k, octave in enumerate(FAST_OCTAVES):
        count = OCTAVES[octave][1]
        melanin, blood = np.array(NOISE_DENSITY[octave]) * uneven
        for row, strength in ((0, melanin), (1, blood), (2 + k, 1.0)):
            weights[row, at : at + count] = strength * direction(rng, count)
        at += count
    return weights


def blend(guide: SkinGuide, skin: NDArray, zone: str, cover: NDArray, colour: NDArray) -> None:
    """Mix `skin` (3, R, S) with a colour, in place, by `cover` (h, w) 0-1 within the window of a zone.

    Args:
        colour: (3,) or (3, h, w) linear RGB.
    """
    cover = np.asarray(cover, np.float32)
    for channel, value in zip(skin, np.asarray(colour, np.float32), strict=True):
        part = channel[guide.windows[zone]]
        part += cover * (value - part)


def painted_skin(guide: SkinGuide, complexion: Complexion, rng: np.random.Generator) -> NDArray:
    """(3, R, S) float32 linear RGB: tone, melanin, blood, freckles, lips; no hair and no make-up."""
    zone, window, tone, fields = guide.zones, guide.windows, complexion.tone, complexion.fields
    melanin, blood = fields["melanin"], fields["blood"]
    pale = float(1 - smoothstep(np.float64(tone), 2.5, 6))
    if rng.random() < 0.08 + 0.22 * pale:  # freckles: on the nose and cheeks of the pale
        where = np.clip(zone["nose"] + zone["cheeks"] + 0.8 * zone["cheekbones"] + zone["bridge"], 0, 1)
        where += np.float32(rng.uniform(0, 0.3)) * zone["face"]
        level = rng.uniform(1.1, 1.9)
        spots = smoothstep(fields["mottle"] + 0.7 * fields["grain"], level, level + 1.0)
        melanin = melanin + np.float32(rng.uniform(0.10, 0.42)) * where * spots
    at = window["red"]
    red, parting = zone["red"][at], zone["parting"][at]
    lip_blood = rng.uniform(0.32, 0.62) * (1 - 0.6 * smoothstep(np.float64(tone), 4, 9))
    lip_melanin = rng.uniform(-0.05, 0.12) + rng.uniform(0.0, 0.2) * smoothstep(np.float64(tone), 4, 8)
    crease = 0.07 * (np.exp(-((fields["upright"] / 0.4) ** 2)) - 0.4)
    melanin[at] += red * (lip_melanin + 0.3 * crease - 0.5 * melanin[at])
    blood[at] += red * (lip_blood + crease - 0.5 * blood[at])
    for name, amount in (("margin", 0.13), ("hollow", 0.5)):
        blood[window[name]] += np.float32(amount * rng.uniform(0.8, 1.2)) * zone[name][window[name]]
    shade = np.zeros_like(melanin)
    shade[at] = 0.25 * parting * red
    shade[window["lidfold"]] += 0.10 * zone["lidfold"][window["lidfold"]]
    at = window["nostrils"]
    shade[at] += 1.3 * smoothstep(zone["nostrils"][at], 0.45, 0.95) * smoothstep(-guide.normal[at][..., 1], 0.0, 0.6)
    skin = np.empty((3, *melanin.shape), np.float32)
    colour = pigment.tone_colour(tone)
    for k in range(3):
        density = pigment.MELANIN[k] * melanin
        density += pigment.HAEMOGLOBIN[k] * blood
        density += shade
        if k == 2:  # lips hold more venous blood, which lets more blue through
            density[window["red"]] -= np.float32(0.2 * lip_blood) * red
        cv2.exp(np.negative(density, out=density), skin[k])
        skin[k] *= np.float32(colour[k])
    return skin


def add_marks(
    guide: SkinGuide, complexion: Complexion, rng: np.random.Generator, skin: NDArray, height: NDArray
) -> None:
    """Moles, pimples, age spots and scars, each a small stamp, in place."""
    identity = complexion.identity
    adult = float(smoothstep(np.float64(identity.age), 6, 25))
    old = float(smoothstep(np.float64(identity.age), 45, 75))
    teen = float(np.exp(-(((identity.age - 17) / 6) ** 2)))
    pale = float(1 - smoothstep(np.float64(complexion.tone), 4, 8))
    # kind: count, radius m, melanin, blood, height m
    kinds = (
        (rng.poisson(2.2 * adult), (0.0006, 0.0016), 0.9, 0.1, 1.5e-4),
        (rng.poisson(1.0 + 7 * teen), (0.0010, 0.0020), 0.03, 0.35 * (0.4 + 0.6 * pale), 2.5e-4),
        (rng.poisson(9 * old * (0.3 + 0.7 * pale)), (0.0015, 0.0045), 0.22, 0.0, 0.0),
        (rng.poisson(0.15 * adult), (0.0008, 0.0015), -0.12, 0.08, -2e-4),
    )
    for count, radii, melanin, blood, rise in kinds:
        for _ in range(count):
            row, column = int(rng.integers(guide.rows // 6, guide.rows - 40)), int(rng.integers(30, guide.size - 30))
            radius, strength = rng.uniform(*radii), rng.uniform(0.4, 1.0)
            spread = rng.uniform(0.7, 1.4, 2)
            if guide.zones["face"][row, column] < 0.5 or guide.zones["lipsoft"][row, column] > 0.1:
                continue
            _stamp(guide, (row, column), radius, spread, strength * np.array([melanin, blood, rise]), skin, height)


def _stamp(
    guide: SkinGuide,
    at: tuple[int, int],
    radius: float,
    spread: NDArray,
    amounts: NDArray,
    skin: NDArray,
    height: NDArray,
) -> None:
    """Put one round mark into skin and height, in place: they are being made by the caller."""
    row, column = at
    texel = max(float(np.linalg.norm(guide.place[row, column + 1] - guide.place[row, column])), 1e-4)
    reach = int(np.clip(3 * radius / texel, 2, 24))
    window = np.s_[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    offset = (guide.place[window] - guide.place[row, column]) * np.array([spread[0], spread[1], 1], np.float32)
    squared = (offset**2).sum(axis=2) / max(radius, 0.7 * texel) ** 2
    dot = np.exp(-(squared**1.5)).astype(np.float32)
    density = (amounts[0] * pigment.MELANIN + amounts[1] * pigment.HAEMOGLOBIN).astype(np.float32)
    skin[(slice(None), *window)] *= np.exp(-dot * density[:, None, None])
    height[window] += amounts[2] * dot


def add_hair_roots(
    guide: SkinGuide, complexion: Complexion, rng: np.random.Generator, skin: NDArray, scalp: float | None
) -> None:
    """Brows, lash lines, beard shadow and the scalp's hair roots, in place; strands may grow over them."""
    zone, window, fields, identity = guide.zones, guide.windows, complexion.fields, complexion.identity
    hair = complexion.hair
    at = window["brow"]
    brow = zone["brow"][at] * np.clip(0.9 + 0.14 * fields["grain"][at], 0.3, 1.3)
    brow = brow * rng.uniform(0.35, 0.70) * (0.55 + 0.45 * smoothstep(zone["browalong"][at], 1.0, 0.8))
    blend(guide, skin, "brow", np.clip(brow, 0, 0.9), np.minimum(hair * rng.uniform(0.7, 1.3), 0.16))
    lash = np.clip(zone["lash"][window["lash"]] * rng.uniform(0.4, 0.75), 0, 0.9)
    blend(guide, skin, "lash", lash, 0.5 * np.minimum(hair, 0.03) + 0.006)
    man = identity.gender * float(smoothstep(np.float64(identity.age), 16, 24))
    length = rng.choice([0.06, 0.18, 0.36, 0.6], p=[0.45, 0.3, 0.17, 0.08]) * rng.uniform(0.6, 1.2)
    tone = pigment.tone_colour(complexion.tone)
    if man > 0.5:
        at = window["beard"]
        grain = fields["grain"][at]
        dense = zone["beard"][at] * (0.8 + 0.25 * fields["blotch"][at])
        dense += np.float32(0.3 * rng.uniform(0, 1)) * zone["moustache"][at]
        dots = np.clip(0.8 + 0.3 * grain, 0, 1.6) if length > 0.1 else 1.0
        contrast = float(np.clip(1 - hair.mean() / max(float(tone.mean()), 0.02), 0.15, 1))
        # Roots below the skin look blue: light is scattered above them.
        below = np.array([0.9, 1.0, 1.12]) * hair + np.array([0.012, 0.016, 0.022]) * contrast
        blend(guide, skin, "beard", np.clip(man * length * dense * dots, 0, 0.85), np.minimum(below, 0.8 * tone))
    at = window["overhairline_mm"]
    amount = rng.uniform(0.5, 0.8) if scalp is None else scalp
    edge = zone["overhairline_mm"][at] + 2.5 * fields["blotch"][at] + fields["mottle"][at]
    roots = smoothstep(edge, -2, 20) * np.clip(0.95 + 0.12 * fields["grain"][at], 0.3, 1.3)
    blend(guide, skin, "overhairline_mm", np.clip(amount * roots, 0, 0.95), np.minimum(0.9 * hair + 0.004, 0.8 * tone))


def add_make_up(guide: SkinGuide, complexion: Complexion, rng: np.random.Generator, skin: NDArray) -> None:
    """Lipstick, blush, eye shadow and eyeliner, in place."""
    worn, zone, window = complexion.made_up, guide.zones, guide.windows
    if worn <= 0:
        return
    natural = pigment.tone_colour(complexion.tone)
    colour = LIPSTICKS[rng.integers(len(LIPSTICKS))] * (0.45 + 0.5 * natural[0])
    cover = np.clip(zone["red"][window["red"]] * worn * rng.uniform(0.3, 1.0), 0, 0.9)
    blend(guide, skin, "red", cover, colour[:, None, None] * (1 + 0.10 * complexion.fields["upright"]))
    at = window["cheekbones"]
    blush = np.float32(worn * rng.uniform(0, 0.22)) * zone["cheekbones"][at]
    skin[(slice(None), *at)] *= np.exp(-blush * pigment.HAEMOGLOBIN[:, None, None])
    shadow = EYE_SHADOWS[rng.integers(len(EYE_SHADOWS))]
    blend(guide, skin, "lid", worn * rng.uniform(0, 0.55) * zone["lid"][window["lid"]], shadow)
    liner = np.clip(worn * rng.uniform(0.2, 1.2) * zone["liner"][window["liner"]], 0, 0.9)
    blend(guide, skin, "liner", liner, np.full(3, 0.008))


def head_roughness(guide: SkinGuide, complexion: Complexion, rng: np.random.Generator) -> NDArray:
    """(S, S) float32: skin 0.4-0.65, oily where glands are, lips and the wet parts smoother."""
    zone = guide.zones
    fields, at = complexion.fields, guide.windows["red"]
    rough = fields["oil"] * np.float32(-rng.uniform(0.02, 0.13))
    rough += 0.02 * fields["blotch"] + 0.02 * fields["grain"] + np.float32(rng.uniform(0.49, 0.64))
    gloss = 0.42 - complexion.made_up * rng.uniform(0, 0.18) + 0.05 * fields["upright"]
    rough[at] += zone["red"][at] * (gloss - rough[at])
    for name in ("mouth", "hollow"):
        at = guide.windows[name]
        rough[at] += zone[name][at] * (0.35 - rough[at])
    roughness = np.full((guide.size, guide.size), 0.3, np.float32)
    roughness[: guide.rows] = np.clip(rough, 0.15, 0.85)
    for part, value in (("eyeLeft", 0.12), ("eyeRight", 0.12), ("teeth", 0.25), ("tongue", 0.35)):
        roughness[guide.charts[part].region] = value
    return roughness
