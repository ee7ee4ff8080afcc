"""What no photo shows: the mirrored half, then skin and hair in this person's own colours, continued without a seam."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import NOISE_UNIT, Layers
from maquette.texturing.head.skin.donors import tint_of
from maquette.texturing.head.skin.grain import grain_levels, mottled
from maquette.texturing.head.skin.rims import without_rims
from maquette.texturing.head.tones import rgb_of
from maquette.texturing.images import blurred, enlarged, membrane, smoothstep
from maquette.texturing.surface_fill import DEFAULT_SKIN

MIRROR_CONFIDENCE = 64 / 255  # the most that a mirrored texel may claim
MIRROR_SHARE = 0.97
LARGEST_OFFSET = 70.0  # 8-bit levels: a larger step between photo and fill is a mistake, not light
LARGEST_SHADOW = 110.0  # between the halves of a face light and cast shadows do make such steps
SKIN_DECAY, HAIR_DECAY, MIRROR_DECAY = 0.985, 0.8, 0.96  # what is left of an offset when the distance doubles
HAIRLINE_SIGMA = 0.03  # of the texture's width
SEAM_SIGMA = 0.016  # of the texture's width: how far from a seam its offset is measured
RIM_BAND = 0.10  # of the texture's width
NEAR_BAND = (0.004, 0.08)  # likewise: how far what is seen goes on before the skin is any skin of this person
SHADED = (0.6, 0.9)  # of the skin's lightness: darker spots do not go on beyond what is seen
MIDDLE_SEEN = (0.4, 0.7)  # share of nose and mouth that photo and mirror show: less is hidden by a mask or a hand
SKIN_SHADE, HAIR_SHADE = 0.75, 0.6  # strength of the ambient shadow in filled parts
SMOOTHER = 0.5  # a bald scalp, neck and ears than a face
STRIP = 256
LIPS_SEEN = (0.1, 0.35)  # share of the lips that photo and mirror show: less says nothing, more everything
CAVITY_COLOUR = np.array([112.0, 48.0, 46.0])


@dataclass(frozen=True, eq=False)
class Palette:
    """This person's colours, (3,) float 8-bit sRGB each, and how hairy the unseen scalp is taken to be, 0-1."""

    skin: NDArray
    hair: NDArray
    hairiness: float

    @property
    def level(self) -> float:
        """How bright the photo's light is: its skin against usual skin."""
        return float(np.clip(self.skin.mean() / DEFAULT_SKIN.mean(), 0.08, 1.15))

    def lit(self, colour: NDArray) -> NDArray:
        """(..., 3) a usual colour as it would look in this photo: as bright and, in a grey photo, as grey."""
        chroma = np.ptp(self.skin) / max(self.skin.mean(), 1.0) / (np.ptp(DEFAULT_SKIN) / DEFAULT_SKIN.mean())
        grey = np.mean(colour, axis=-1, keepdims=True)
        return self.level * (grey + min(chroma, 1.0) ** 0.5 * (colour - grey))


@dataclass(frozen=True, eq=False)
class Layout:
    """What a texture is summed up from, at the coarse size.

    Attributes:
        own, mirror: (h, w) 0-1: shares of the photo and of the mirrored photo.
        constant: (h, w, 3) what is added to them.
        skin_grain, hair_grain: (h, w) 0-1: how much of either grain is added.
    """

    own: NDArray
    mirror: NDArray
    constant: NDArray
    skin_grain: NDArray
    hair_grain: NDArray


def complete(seen: Baked, layers: Layers, palette: Palette) -> tuple[NDArray, NDArray]:
    """Photo, mirror and fill in one texture.

    Args:
        seen: the blended photos.
        layers: of the model.
        palette: from `palette_of`.

    Returns:
        texture: (H, W, 3) uint8, rows of the skin chart.
        confidence: (h, w) float32 0-1, coarse.
    """
    seen = without_rims(seen, layers)
    own = smoothstep(seen.trust, 0.02, 0.6)
    twin = np.ascontiguousarray(own[:, ::-1]) * MIRROR_SHARE
    mirrored = seen.coarse[:, ::-1]
    known = own + (1 - own) * twin
    offset = mirror_offset(seen.coarse, mirrored, own, twin)
    both = (own[..., None] * seen.coarse + ((1 - own) * twin)[..., None] * (mirrored + offset)) / np.maximum(
        known, 1e-6
    )[..., None]
    hair = hair_field(seen, own, twin, layers, palette)
    bare = np.where(own > 0.5, seen.bare, seen.bare[:, ::-1])
    base = base_colour(both, known, hair, bare, layers, palette)
    mirror_weight = (1 - own) * twin
    base_weight = (1 - own) * (1 - twin)
    smoother = SMOOTHER * np.maximum(layers.zones["hair"], layers.zones["off"])
    skin_grain = base_weight * (1 - hair) * (1 - layers.zones["cavity"]) * (1 - smoother)
    constant = mirror_weight[..., None] * offset + base_weight[..., None] * base
    constant += skin_grain[..., None] * mottled(seen, layers)
    layout = Layout(own, mirror_weight, constant, skin_grain, base_weight * hair)
    texture = compose(seen, layout, grain_levels(seen, layers), layers, palette)
    guessed = MIRROR_CONFIDENCE * (1 - own) * seen.trust[:, ::-1]
    return texture, np.maximum(seen.trust, guessed).astype(np.float32)


def palette_of(seen: Baked) -> Palette:
    """Robust colours of skin and hair, and whether the head has hair, from what the photo shows."""
    tones = seen.tones
    if tones is None:
        return Palette(DEFAULT_SKIN, DEFAULT_SKIN * 0.4, 0.0)
    skin = rgb_of(tones.skin).astype(float)
    hair = rgb_of(tones.hair).astype(float) if tones.hair is not None else 0.4 * skin
    # A photo cut off at the brows says nothing about the hair; most people have some.
    hairiness = 1.0 if np.isnan(tones.hairiness) else float(smoothstep(tones.hairiness, 0.25, 0.55))
    return Palette(skin, hair, hairiness)


def mirror_offset(colour: NDArray, mirrored: NDArray, own: NDArray, twin: NDArray) -> NDArray:
    """(h, w, 3) what to add to the mirrored half so that it meets the seen half: the light differs, not the skin."""
    difference = np.clip(colour - mirrored, -LARGEST_SHADOW, LARGEST_SHADOW)
    typical = np.exp(-((np.abs(difference).max(axis=2) / LARGEST_SHADOW) ** 2))
    # The difference changes its sign across the face: continued from both halves at once it would cancel.
    seam = 0.04 + np.maximum(1 - blurred(own.astype(np.float32), SEAM_SIGMA * own.shape[1]), 0)
    weight = (own * twin * typical * seam).astype(np.float32)
    half = weight.shape[1] // 2
    weight[:, half:] = 0
    left = membrane(difference.astype(np.float32), weight, MIRROR_DECAY)
    return np.concatenate([left[:, :half], -left[:, : weight.shape[1] - half][:, ::-1]], axis=1)


def hair_field(seen: Baked, own: NDArray, twin: NDArray, layers: Layers, palette: Palette) -> NDArray:
    """(h, w) float32 0-1: where the head has hair; seen where seen, continued to the model's scalp elsewhere."""
    zone = layers.zones["hair"]
    prior = smoothstep(zone, 0.25, 0.75) * palette.hairiness
    known = own + (1 - own) * twin
    observed = (own * seen.hair + (1 - own) * twin * seen.hair[:, ::-1]) / np.maximum(known, 1e-6)
    shift = membrane((observed - prior)[..., None].astype(np.float32), known.astype(np.float32), 0.75)[..., 0]
    # The invented hair ends along one smooth line, whatever strands and shadows the photo shows there.
    shift = blurred(shift, HAIRLINE_SIGMA * shift.shape[1])
    return np.clip(prior + shift, 0, smoothstep(layers.zones["hairline"], 0.05, 0.4)).astype(np.float32)


def base_colour(
    both: NDArray, known: NDArray, hair: NDArray, alike: NDArray, layers: Layers, palette: Palette
) -> NDArray:
    """(h, w, 3) float32: the fill, which meets photo and mirror where they end."""
    zones, ambient = layers.zones, layers.ambient
    skin_known = (1 - zones["inner"]) * known**2 * (1 - hair) ** 2 * alike
    # The rim of what is seen turns away from light and camera: its shade must not spread over the rest of the head.
    shown = ((known > 0.5) | (zones["inner"] > 0.3)).astype(np.uint8)
    shown[-1:] = shown[:1] = 0
    inward = cv2.distanceTransform(shown, cv2.DIST_L2, 5) / shown.shape[1]
    skin_known *= 0.0002 + smoothstep(inward, 0.2 * RIM_BAND, RIM_BAND)
    skin_known *= np.maximum(zones["plain"], 0.4 * (1 - zones["core"]))
    dark = 1 - smoothstep(ambient, 0.05, 0.75)[..., None]
    tint = skin_tint(known, layers, palette)
    skin = tint * _continued(both / tint, skin_known, palette.skin * (1 - SKIN_SHADE * dark), SKIN_DECAY)
    hair_colour = _continued(
        both, known**2 * smoothstep(hair, 0.6, 1.0), palette.hair * (1 - HAIR_SHADE * dark), HAIR_DECAY
    )
    base = skin + hair[..., None] * (hair_colour - skin)
    folds = tint * (1 - SKIN_SHADE * dark * zones["off"][..., None])
    even = both / folds
    near = membrane(even, (known * (1 - zones["inner"])).astype(np.float32))
    beyond = cv2.distanceTransform(1 - shown, cv2.DIST_L2, 5) / shown.shape[1]
    close = (1 - smoothstep(beyond, *NEAR_BAND)) * (1 - hair) * smoothstep(known.max(), 0.1, 0.5)
    base += close[..., None] * (folds * without_shade(even, known, near, layers, palette) - base)
    # Lips and lids go on in their own colour, not in that of the cheeks; covered lips have usual ones.
    edges = near * (1 - 0.5 * dark)
    edges += covered_lips(known, layers)[..., None] * (skin - edges)
    base += (zones["edge"] * smoothstep(known.max(), 0.1, 0.5))[..., None] * (edges - base)
    depth = smoothstep(ambient, 0.0, 0.35)[..., None]
    inside = palette.lit(CAVITY_COLOUR) * (0.25 + 0.75 * depth)
    cavity = zones["cavity"][..., None]
    return np.clip(base + cavity * (inside - base), 0, 255).astype(np.float32)


def skin_tint(known: NDArray, layers: Layers, palette: Palette) -> NDArray:
    """(h, w, 3) float32 factors of the skin where it is filled: on ears and neck, and on a face that is covered."""
    share = np.maximum.reduce(
        [layers.zones["off"], covered_lips(known, layers), np.full_like(known, hidden(known, layers))]
    )
    found: NDArray = tint_of(palette.skin, layers) ** share[..., None].astype(np.float32)
    return found


def hidden(known: NDArray, layers: Layers) -> float:
    """0-1: how far nose and mouth lie behind a mask or a hand."""
    return float(1 - smoothstep(np.average(known, weights=layers.zones["middle"]), *MIDDLE_SEEN))


def covered_lips(known: NDArray, layers: Layers) -> NDArray:
    """(h, w) 0-1: lips of which photo and mirror show too little to say what colour they have."""
    lips = layers.zones["lips"]
    return lips * (1 - smoothstep(np.average(known, weights=lips + 1e-9), *LIPS_SEEN))


def without_shade(both: NDArray, known: NDArray, near: NDArray, layers: Layers, palette: Palette) -> NDArray:
    """(h, w, 3) how skin goes on: as it is nearby, `near`, but under a mask without the shade below the eyes."""
    zones = layers.zones
    masked = hidden(known, layers)
    if masked == 0:
        return near
    light = smoothstep(both.mean(axis=2) / max(float(palette.skin.mean()), 1.0), *SHADED)
    weight = known * (1 - zones["inner"]) * np.maximum(light, zones["brows"])
    lit = membrane(both.astype(np.float32), np.maximum(weight, 1e-4 * known).astype(np.float32))
    under = masked * zones["below"] * (1 - zones["lips"])
    found: NDArray = near + under[..., None] * (lit - near)
    return found


def _continued(colour: NDArray, weight: NDArray, target: NDArray, decay: float) -> NDArray:
    step = np.clip(colour - target, -LARGEST_OFFSET, LARGEST_OFFSET)
    return target + membrane(step.astype(np.float32), weight.astype(np.float32), decay)


def compose(seen: Baked, layout: Layout, levels: NDArray, layers: Layers, palette: Palette) -> NDArray:
    """(H, W, 3) uint8: the sum of photo, mirrored photo, fill and its grain, at full size, in strips.

    Args:
        levels: (bands,) of the grain, 8-bit.
    """
    shape = seen.colour.shape[0], seen.colour.shape[1]
    parts = (layout.own, layout.mirror, layout.constant, layout.skin_grain, layout.hair_grain)
    own, mirror, constant, skin_grain, hair_grain = (enlarged(part.astype(np.float32), shape) for part in parts)
    levels = levels.astype(np.float32) / NOISE_UNIT
    strand_level = np.float32(np.clip(0.22 * palette.hair.mean(), 3, 14) / NOISE_UNIT)
    texture = np.empty_like(seen.colour)
    for row in range(0, shape[0], STRIP):
        rows = slice(row, row + STRIP)
        strip = seen.colour[rows] * own[rows, :, None]
        if mirror[rows].any():
            strip += seen.colour[rows, ::-1] * mirror[rows, :, None]
        strip += constant[rows]
        noise = layers.strands[rows] * (strand_level * hair_grain[rows])
        for level, band in zip(levels, layers.grain):
            noise += band[rows] * (level * skin_grain[rows])
        strip += noise[..., None]
        texture[rows] = cv2.convertScaleAbs(np.maximum(strip, 0, out=strip))
    return texture
