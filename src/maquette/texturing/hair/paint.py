"""The colour of hair: the tones and strands of the photo where it shows them, else the style's strands so toned."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project
from maquette.texturing.hair.place import THICK_M, PlacedHair, outward_of
from maquette.texturing.hair.seen import HairSeen
from maquette.texturing.hair.styles import TexelMap
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import blurred, disc, image_at, membrane, smoothstep
from maquette.texturing.projection import sample_photo, view_directions

INWARD = 0.035  # of the picture's height: the rim of the hair, mixed with what is behind it, shows no colour
DARKEST = 0.25  # share of the hair's pixels that is shadow
DEFAULT = np.array([70.0, 52.0, 40.0])  # where no hair is seen: dark brown, the commonest
EVEN = (1.2, 1.0, 0.4, 1.0)  # power of the lightness: of black hair, less with its tone, and its limits
BAND, EVENED = 0.04, 0.7  # of the texture's breadth: broader is no strand, and that much of it is taken away
SHEEN = 24.0  # 8-bit levels: black hair shows its strands by what they reflect
ALIKE = (2.2, 3.4)  # spreads of the hair's colours: farther off a pixel of the mask is a lamp, a wall, a ribbon
SPREAD = (14.0, 5.0, 5.0)  # least spread of 8-bit Lab
RIM_M = 0.004  # of the hair's mask: there it is mixed with what is behind it
TONE_M = 0.006  # over which the photo's tones are smoothed: what is finer is strands
FACING = (-0.1, 0.5)  # cosine of the way out of the head against the view over which the photo's tones fade
SHARP = (0.5, 0.8)  # likewise its strands, which are drawn out where the head turns away
STRANDS = (0.6, 1.7)  # limits of the photo's strands over its tones
ROOTS = 0.65  # lightness of hair at the skull under thick hair
ROOTED = 0.7  # share of the local thickness from which on it is in full light


@dataclass(frozen=True, eq=False)
class HairTones:
    """What one photo says of the hair's colour, everywhere in it.

    Attributes:
        tones: (h, w, 3) float32 8-bit sRGB, smooth, continued over all that is no hair.
        filled: (h, w, 3) float32, the same with its strands.
        sure: (h, w) float32 0-1: where it is hair and nothing else.
    """

    tones: NDArray
    filled: NDArray
    sure: NDArray


def hair_colour(seen: HairSeen) -> NDArray:
    """(3,) 8-bit sRGB: the median of the hair above and beside the face, without its rim and its shadows."""
    sure = (seen.hair > 0.7).astype(np.uint8)
    inner = cv2.distanceTransform(cv2.copyMakeBorder(sure, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3)
    for margin in (INWARD * sure.shape[0], 1.0, 0.0):
        chosen = (inner[1:-1, 1:-1] > margin) & (seen.above > -0.6)
        if chosen.sum() > 30:
            pixels = seen.photo[chosen].astype(float)
            light = pixels.sum(axis=1)
            return np.median(pixels[light >= np.quantile(light, DARKEST)], axis=0)
    return DEFAULT


def toned(tone: NDArray, grey: NDArray) -> NDArray:
    """(..., 3) 8-bit sRGB: hair of a tone (..., 3) with a style's lightness (...); fair hair varies less than dark."""
    light = np.asarray(tone, np.float32).mean(axis=-1)
    power = np.clip(EVEN[0] - EVEN[1] * light / 255, *EVEN[2:])
    sheen = SHEEN * (grey - 1) * np.clip(1 - light / 90, 0, 1)
    return np.clip(tone * (grey**power)[..., None] + sheen[..., None], 0, 255)


def evened(grey: NDArray) -> NDArray:
    """(H, W) a style's lightness with its strands, and less of the bands and dark ends that were painted on it."""
    return np.asarray(grey / np.maximum(blurred(grey, BAND * grey.shape[1]), 0.2) ** EVENED)


def tones_of(seen: HairSeen, metre: float) -> HairTones:
    """The colours of the hair that a photo shows; `metre`: its pixels per metre at the head.

    What the mask takes for hair is believed only where its colour is one of the hair's: lamps, walls and ribbons
    behind or in the hair are not. Everywhere else the colours around are continued.
    """
    photo = seen.photo.astype(np.float32)
    inner = cv2.erode((seen.hair * seen.inside).astype(np.float32), disc(max(1.0, RIM_M * metre)))
    colour, lab = hair_colour(seen), lab_of(seen.photo)
    chosen = inner > 0.7
    if chosen.sum() < 30:
        flat = np.broadcast_to(colour.astype(np.float32), photo.shape)
        return HairTones(flat, flat, np.zeros(seen.hair.shape, np.float32))
    middle = np.median(lab[chosen], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(lab[chosen] - middle), axis=0), SPREAD)
    apart = np.sqrt((((lab - middle) / spread) ** 2).sum(axis=2))
    sure = (smoothstep(inner, 0.5, 0.9) * (1 - smoothstep(apart, *ALIKE))).astype(np.float32)
    filled = membrane(photo, sure)
    around = membrane(photo, blurred(sure, 1.0) * sure)
    filled = filled + (1 - sure[..., None]) * (around - filled)
    return HairTones(blurred(filled, TONE_M * metre), filled, blurred(sure, 1.0) * sure)


def paint(hair: PlacedHair, texels: TexelMap, metre: float, view: tuple[Observation, Camera, HairSeen]) -> NDArray:
    """(H, W, 3) uint8 sRGB: the texture of placed hair.

    Args:
        metre: the small photo's pixels per metre at the head.
        view: observation, its camera, and what it shows of hair.
    """
    observation, camera, seen = view
    style, faces = hair.style, hair.style.faces
    found = tones_of(seen, metre)
    row, column = np.nonzero(texels.face >= 0)
    triangle, shares = texels.face[row, column], texels.barycentric[row, column]
    grey = evened(style.grey)[row, column]

    def of_vertices(values: NDArray) -> NDArray:
        return np.einsum("nk,nk...->n...", shares, values[faces[triangle]])

    away = outward_of(hair)
    points, shade = of_vertices(hair.vertices), of_vertices(depth_shade(hair))
    tone = np.broadcast_to(hair_colour(seen), (len(hair.vertices), 3)).astype(np.float32)
    strands, total = np.ones(len(row), np.float32), np.zeros(len(row), np.float32)
    tones, known = tone.copy(), np.zeros(len(hair.vertices), np.float32)
    # What the photo does not show it may show on the other side of the head.
    for flip in (np.array([1.0, 1, 1]), np.array([-1.0, 1, 1])):
        toward = view_directions(seen.camera, hair.vertices * flip)[0]
        facing = (away * flip * toward).sum(axis=1)
        at = project(seen.camera, hair.vertices * flip)[0].astype(np.float32)
        inside = image_at(seen.inside.astype(np.float32), at, border=cv2.BORDER_CONSTANT) > 0.5
        weight = (smoothstep(facing, *FACING) * inside * (1 - known)).astype(np.float32)
        tones += weight[:, None] * (image_at(found.tones, at) - tone)
        known += weight
        small = project(seen.camera, points * flip)[0].astype(np.float32)
        pixels = project(camera, points * flip)[0].astype(np.float32)
        photo = sample_photo(observation.frame.pixels, pixels, _step(pixels, row, column, style.grey.shape))
        ratio = (photo.mean(axis=1) + 4) / (image_at(found.tones, small).mean(axis=1) + 4)
        sure = image_at(found.sure, small, border=cv2.BORDER_CONSTANT)
        weight = of_vertices(smoothstep(facing, *SHARP)) * smoothstep(sure, 0.4, 0.9) * (1 - total)
        strands = strands + weight * (np.clip(ratio, *STRANDS) - 1)
        total = total + weight
    colour = of_vertices(tones)
    own = toned(colour, grey * shade)
    seen_there = np.clip(colour * strands[:, None], 0, 255)
    texture = toned(np.broadcast_to(hair_colour(seen), (*style.grey.shape, 3)), style.grey)
    texture[row, column] = own + total[:, None] * (seen_there - own)
    return np.asarray(np.clip(texture, 0, 255), np.uint8)


def depth_shade(hair: PlacedHair) -> NDArray:
    """(V,) ROOTS-1: how much light reaches each vertex through the hair above it."""
    height = np.linalg.norm(hair.vertices - hair.feet, axis=1)
    near = cKDTree(hair.feet).query(hair.feet, k=min(24, len(height)), distance_upper_bound=THICK_M)[1]
    thick = np.append(height, 0)[near].max(axis=1)
    thin = 1 - smoothstep(thick, 0.003, 0.010)  # at its line hair lies on the skin, in the light
    layer = np.maximum(height / np.maximum(ROOTED * thick, 1e-4), thin)
    shade: NDArray = ROOTS + (1 - ROOTS) * smoothstep(layer, 0.0, 1.0)
    return shade


def _step(pixels: NDArray, row: NDArray, column: NDArray, shape: tuple[int, ...]) -> float:
    """Pixels of the photo per texel, on the median."""
    place = np.full((*shape, 2), np.nan, np.float32)
    place[row, column] = pixels
    apart = np.linalg.norm(np.diff(place, axis=1), axis=2)
    return float(np.clip(np.nanmedian(apart), 0.2, 8.0))
