"""What somebody wears: which garments, how long, how wide, in which cloth, and how far each stands off the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.anatomy.body_mesh import BodyMesh
from maquette.synthesis.clothing.patterns import PATTERNS, draw_color, draw_pattern, wrinkles
from maquette.synthesis.skin import pigment
from maquette.synthesis.types import Identity
from maquette.texturing.images import smoothstep

# Shares on a street: what hangs or stands off the body is about a third of it.
OUTFITS = {
    "woman": {"plain": 0.36, "loose": 0.14, "skirt": 0.15, "dress": 0.17, "coat": 0.12, "jacket": 0.06},
    "man": {"plain": 0.47, "loose": 0.24, "skirt": 0.01, "dress": 0.02, "coat": 0.14, "jacket": 0.12},
}
WIDE_TROUSERS, SHORTS, WIDE_SLEEVES, BAREFOOT = 0.2, 0.2, 0.18, 0.1
SMOOTHING_STEPS = (3, 26)
PATTERNED, SHOE_M = 0.35, 0.012
NAMES = ("hair", "shoes", "top", "bottom")


@dataclass(frozen=True, eq=False)
class Hanging:
    """A garment, or the part of one, that hangs freely round the body.

    Attributes:
        top, hem: where it begins and ends, metres above the hips on the average body in its rest pose.
        ease: (2,) metres it stands off the body at the top and at the hem.
        slope: metres it may narrow per metre down: 0 hangs straight, 1 follows the body.
        fold: metres, the depth of its folds at the hem; folds: how many go round.
        gap: (2,) half angles in radians by which it stands open in front, at its top and at its hem; 0 is closed.
        cloth: "top" or "bottom", whose cloth it shares.
    """

    top: float
    hem: float
    ease: tuple[float, float]
    slope: float
    fold: float
    folds: int
    gap: tuple[float, float] = (0.0, 0.0)
    cloth: str = "top"


@dataclass(frozen=True, eq=False)
class Cloth:
    """What a garment is made of, see `patterns`: albedo (S, S, 3) linear RGB, height (S, S) metres."""

    albedo: NDArray
    height: NDArray


@dataclass(frozen=True, eq=False)
class Outfit:
    """How somebody is dressed.

    Attributes:
        name: a key of OUTFITS.
        lengths: "sleeve", "leg" as shares of the limb; "hem" metres above the hips; "neck" metres below the neckline.
        thickness: metres that "top", "bottom", "cuff", "ankle" and "hair" stand off the skin.
        fold: metres, depth of the folds of "top" and "bottom".
        rounds: how often cloth is smoothed over hollows.
        shod: whether there are shoes; hat: whether the hair is a cap.
        colours: "skin", "hair", "shoes", "lips" -> (3,) linear RGB.
        cloths: of "top" and "bottom".
        hanging: garments that hang freely.
        seed: of the places of the folds.
    """

    name: str
    lengths: Mapping[str, float]
    thickness: Mapping[str, float]
    fold: Mapping[str, float]
    rounds: int
    shod: bool
    hat: bool
    colours: Mapping[str, NDArray]
    cloths: Mapping[str, Cloth]
    hanging: tuple[Hanging, ...]
    seed: int


def draw_outfit(rng: np.random.Generator, identity: Identity) -> Outfit:
    """Clothes for somebody, as people wear them in the street."""
    shares = OUTFITS["man" if identity.gender > 0.5 else "woman"]
    name = list(shares)[rng.choice(len(shares), p=list(shares.values()))]
    warm, child = name in ("coat", "jacket"), identity.scale < 0.85
    long_sleeves = warm or rng.random() < 0.5
    wide, shorts = rng.random() < WIDE_TROUSERS, not warm and rng.random() < SHORTS
    thick = rng.uniform(0.012, 0.026) if warm else rng.uniform(0.005, 0.02)
    leg_thick = rng.uniform(0.006, 0.02) if rng.random() < 0.75 else rng.uniform(0.002, 0.006)
    bottom, top = draw_color(rng, dark=1.5), draw_color(rng, dark=1.0 if warm else 0.5)
    sleeve = rng.uniform(0.86, 1.0) if long_sleeves else rng.choice([rng.uniform(0.15, 0.45), -0.2], p=[0.85, 0.15])
    wide_cuff = rng.random() < WIDE_SLEEVES
    lengths = {
        "sleeve": sleeve,
        "leg": rng.uniform(0.34, 0.58) if shorts else rng.uniform(0.88, 1.0),
        "hem": rng.uniform(-0.08, 0.05),
        "neck": rng.uniform(-0.02, 0.05) if rng.random() < 0.7 else rng.uniform(0.05, 0.1),
    }
    if name in ("dress", "skirt"):  # bare legs or tights below
        lengths["leg"] = 1.2 if rng.random() < 0.35 else -1.0
        leg_thick, wide = 0.0015, False
    thickness = {
        "top": thick,
        "bottom": leg_thick,
        "cuff": rng.uniform(0.012, 0.045) if wide_cuff else 0.0,
        "ankle": rng.uniform(0.03, 0.07) if wide else rng.uniform(0.0, 0.025),
        "hair": rng.uniform(0.006, 0.03),
    }
    hat = rng.random() < 0.1
    tone = pigment.draw_tone(identity, rng)
    skin = pigment.tone_colour(tone).astype(np.float32)
    colours = {
        "skin": skin,
        "hair": draw_color(rng) if hat else pigment.draw_hair_colour(identity, tone, rng),
        "shoes": draw_color(rng, dark=2.0),
        "lips": skin * np.array([0.85, 0.5, 0.5], np.float32) * (1 if identity.gender > 0.5 else rng.uniform(0.6, 1)),
    }
    slack = 0.35 + 0.65 * rng.random()
    cloth_top = _cloth(rng, top, rng.uniform(0.0001, 0.0007), name == "plain")
    return Outfit(
        name,
        lengths,
        thickness,
        {"top": slack * (0.004 + 0.35 * thick), "bottom": (0.25 + rng.random()) * (0.002 + 0.35 * leg_thick)},
        int(rng.integers(*SMOOTHING_STEPS)),
        rng.random() > BAREFOOT,
        hat,
        colours,
        {"top": cloth_top, "bottom": _cloth(rng, bottom, rng.uniform(0.0001, 0.0006), False)},
        _draw_hanging(rng, name, thick, child),
        int(rng.integers(1 << 31)),
    )


def _cloth(rng: np.random.Generator, color: NDArray, depth: float, printed: bool) -> Cloth:
    choices = tuple(name for name in PATTERNS if printed or name != "print")
    choices = choices if rng.random() < PATTERNED else ("plain", "heather", "plain")
    return Cloth(draw_pattern(rng, color, choices), wrinkles(rng, depth))


def _draw_hanging(rng: np.random.Generator, name: str, thick: float, child: bool) -> tuple[Hanging, ...]:
    """Garments that hang; knees are 0.44 m below the hips of the average body, ankles 0.88 m."""
    size = 0.8 if child else 1.0
    folds = int(rng.integers(5, 16))
    if name in ("skirt", "dress"):
        hem = -size * rng.choice(
            [rng.uniform(0.2, 0.42), rng.uniform(0.38, 0.62), rng.uniform(0.6, 0.84)], p=[0.25, 0.45, 0.3]
        )
        pencil = rng.random() < 0.25
        flare = rng.uniform(0.0, 0.03) if pencil else rng.uniform(0.04, 0.22) * min(1.0, -hem / 0.5)
        slope = rng.uniform(0.25, 0.8) if pencil else rng.uniform(0.0, 0.15)
        fold = rng.uniform(0.0, 0.006) if pencil else rng.uniform(0.15, 0.5) * flare + 0.008
        if name == "skirt":
            return (Hanging(rng.uniform(0.08, 0.15), hem, (0.008, flare), slope, fold, folds, cloth="bottom"),)
        return (Hanging(rng.uniform(0.12, 0.24), hem, (thick - 0.002, flare + 0.01), slope, fold, folds),)
    if name == "coat":
        hem, flare = -size * rng.uniform(0.15, 0.7), rng.uniform(0.015, 0.1)
        gap = (rng.uniform(0.02, 0.15), rng.uniform(0.1, 0.7)) if rng.random() < 0.6 else (0.0, 0.0)
        return (Hanging(rng.uniform(0.4, 0.46), hem, (thick, thick + flare), 0.05, 0.2 * flare + 0.005, folds, gap),)
    if name == "jacket":
        gap = (rng.uniform(0.05, 0.3), rng.uniform(0.2, 0.8)) if rng.random() < 0.6 else (0.0, 0.0)
        ease = thick + rng.uniform(0.01, 0.05)
        return (Hanging(rng.uniform(0.4, 0.46), rng.uniform(-0.12, 0.02), (thick, ease), 0.2, 0.008, folds, gap),)
    if name == "loose":
        ease = rng.uniform(0.015, 0.06)
        hem = rng.uniform(-0.18, 0.0)
        return (Hanging(rng.uniform(0.4, 0.46), hem, (thick, thick + ease), rng.uniform(0.0, 0.3), 0.3 * ease, folds),)
    return ()


def regions(mesh: BodyMesh, outfit: Outfit) -> dict[str, NDArray]:
    """NAMES -> (V,) fields, positive where the garment is, about metres near its edge."""
    lengths = outfit.lengths
    arm = 0.55 * (lengths["sleeve"] - mesh.along_arm)
    scoop = lengths["neck"] * np.exp(-((mesh.rest[:, 0] / 0.085) ** 2)) * (0.25 + 0.75 * (mesh.rest[:, 2] > 0.0))
    body = np.minimum(mesh.waist - lengths["hem"], mesh.neck - scoop)
    if lengths["sleeve"] < 0:  # without sleeves: cut at the shoulder
        arm, body = np.full(len(arm), -0.05), np.minimum(body, 0.2 * (0.35 - mesh.arms))
    top = np.where(mesh.arms > 0.5, arm, np.where(mesh.arms > 0.02, np.minimum(body, 0.2), body))
    leg = 0.8 * (lengths["leg"] - mesh.down_leg)
    bottom = np.where(mesh.arms > 0.5, -0.05, np.minimum(leg, 0.13 - mesh.waist))
    none = np.full(len(top), -1.0)
    scalp = mesh.scalp if outfit.thickness["hair"] > 0 else none
    return {"hair": scalp, "shoes": mesh.foot if outfit.shod else none, "top": top, "bottom": bottom}


def offsets(
    mesh: BodyMesh, outfit: Outfit, fields: Mapping[str, NDArray], bends: Mapping[str, float], style: str
) -> NDArray:
    """(V,) metres by which clothes and hair stand off the skin, with folds.

    Args:
        fields: of `regions`.
        bends: "elbow.L", "elbow.R", "knee.L", "knee.R" in radians; bent limbs have deeper folds.
        style: of the hair; "curls" are a thick cushion, tied hair lies flat.
    """
    thick = outfit.thickness

    def reach(field: NDArray, width: float) -> NDArray:
        return smoothstep(field / width, 0, 1)

    wave = folds(mesh, np.random.default_rng(outfit.seed), bends, min(1.0, thick["ankle"] / 0.05))
    down = np.clip(mesh.down_leg, 0, 1)
    bottom = thick["bottom"] + thick["ankle"] * smoothstep((down - 0.1) / 0.9, 0, 1) * (down > 0.1)
    bottom = bottom + outfit.fold["bottom"] * (1 + 8 * thick["ankle"]) * wave
    offset = reach(fields["bottom"], 0.006) * np.maximum(bottom, 0.0015)
    cuff = thick["cuff"] * smoothstep((mesh.along_arm - 0.1) / 0.8, 0, 1) * (mesh.arms > 0.5)
    top = np.maximum(thick["top"] + 0.003 + cuff + outfit.fold["top"] * wave, 0.002)
    # Shirts end in a rim that stands off, so that the edge is seen.
    offset = np.maximum(offset, reach(fields["top"], 0.006) * top)
    hair = thick["hair"] * (1 + (0 if outfit.hat else 0.12) * wave)
    if style == "curls":
        bumps = (
            np.sin(mesh.rest @ [260, 90, 40]) * np.sin(mesh.rest @ [30, 240, 110]) * np.sin(mesh.rest @ [70, 50, 250])
        )
        hair = (0.03 + 1.3 * thick["hair"]) * (1 + 0.35 * bumps)
    elif style in ("tail", "bun"):
        hair = 0.006 + 0.25 * hair
    offset = np.maximum(offset, reach(fields["hair"], 0.025) * hair)
    return np.maximum(offset, reach(fields["shoes"], 0.01) * SHOE_M).astype(np.float32)


def folds(mesh: BodyMesh, rng: np.random.Generator, bends: Mapping[str, float], fall: float) -> NDArray:
    """(V,) about -1 to 1.5: ridges of cloth at several scales: at bent joints, aslant over the trunk, down wide legs.

    Args:
        fall: 0-1, how much the legs' cloth hangs in folds that run down.
    """
    u, v = mesh.cloth.T
    side = (mesh.rest[:, 0] > 0).astype(int)
    on_arm, on_leg = mesh.arms > 0.5, (mesh.down_leg > 0.12) & (mesh.arms < 0.5)

    def noise(waves: float, count: int = 4) -> NDArray:
        """(V,) smooth, about -1 to 1."""
        ways = rng.normal(size=(count, 3))
        ways *= 2 * np.pi * waves / np.linalg.norm(ways, axis=1, keepdims=True)
        return np.sin(mesh.rest @ ways.T + rng.uniform(0, 6.3, count)).sum(axis=1) / np.sqrt(count)

    def ridges(across: NDArray, waves: float) -> NDArray:
        """Narrow crests that come and go, wide troughs, as cloth buckles."""
        crest = 1 - 2 * np.abs(np.sin(np.pi * waves * across + 1.1 * noise(3.0) + rng.uniform(0, 6.3))) ** 0.7
        return crest * smoothstep(0.5 + 0.8 * noise(4.5), 0, 1)

    out = np.zeros(len(u))
    for waves, weight in ((6.0, 0.5), (11.0, 0.45), (19.0, 0.3), (12.0, 0.3)):
        lean = rng.uniform(0.3, 1.3, 2) * rng.choice([-1, 1], 2)
        limb = v + lean[side] * u + 0.02 * noise(2.5)
        trunk = u + 0.8 * lean[side] * v if weight > 0.4 else 0.6 * u + 1.2 * v
        leg = (1 - fall) * limb + fall * (1.3 * u + 0.25 * lean[side] * v)
        across = np.where(on_arm, limb, np.where(on_leg, leg, trunk))
        out += weight * ridges(across, waves * rng.uniform(0.7, 1.3))
    elbow, knee = (np.array([bends[f"{joint}.R"], bends[f"{joint}.L"]])[side] for joint in ("elbow", "knee"))
    strength = np.full(len(u), 0.7)
    strength += on_arm * (0.3 + 0.6 * elbow) * np.exp(-(((mesh.along_arm - 0.5) / 0.13) ** 2))
    strength += on_leg * (0.1 + 0.5 * knee) * np.exp(-(((mesh.down_leg - 0.5) / 0.09) ** 2))
    strength += on_leg * 0.7 * (1 - fall) * np.exp(-(((mesh.down_leg - 0.95) / 0.09) ** 2))
    strength += 0.5 * np.exp(-(((mesh.waist - 0.02) / 0.08) ** 2)) * ~on_arm
    # Flat right at the neckline.
    return out * strength * smoothstep((mesh.neck + 0.03) / 0.1, 0, 1)
