"""The colour of hair: the photo's pixels where they show it, elsewhere the style's lightness in the photo's tone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.place import PlacedHair
from maquette.texturing.hair.seen import HairSeen
from maquette.texturing.hair.styles import TexelMap
from maquette.texturing.images import blurred, image_at, membrane, smoothstep
from maquette.texturing.projection import sample_photo, view_directions

INWARD = 0.035  # of the picture's height: the rim of the hair, mixed with what is behind it, shows no colour
DARKEST = 0.25  # share of the hair's pixels that is shadow
DEFAULT = np.array([70.0, 52.0, 40.0])  # where no hair is seen: dark brown, the commonest
BEHIND_M = 0.010  # behind the foremost surface: outer cards let those beneath them through
FACING = (0.1, 0.45)
EVEN = (1.2, 1.0, 0.4, 1.0)  # power of the lightness: of black hair, less with its tone, and its limits
BLEND = 5.0  # texels over which photo and style blend
SURE = (0.6, 0.95)  # of the hair's mask
LARGEST = 70.0  # 8-bit levels of that difference
CONTINUED = 0.85  # how far a difference between photo and tone goes on where the photo shows nothing


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
    """(H, W, 3) 8-bit sRGB: hair of a tone (3,) with a style's lightness (H, W); fair hair varies less than dark."""
    power = np.clip(EVEN[0] - EVEN[1] * np.mean(tone) / 255, *EVEN[2:])
    return np.clip(tone * grey[..., None] ** power, 0, 255)


def paint(
    hair: PlacedHair, texels: TexelMap, solid: NDArray, view: tuple[Observation, Camera, HairSeen, NDArray, NDArray]
) -> NDArray:
    """(H, W, 3) uint8 sRGB: the texture of placed hair.

    Args:
        solid: (F,) bool: the triangles that hide what is behind them.
        view: observation, its camera, what it shows of hair, and the head as it is in it: (V, 3) and (F, 3).
    """
    observation, camera, seen, head, head_faces = view
    style, faces = hair.style, hair.style.faces
    plain = toned(hair_colour(seen), style.grey).astype(np.float32)
    row, column = np.nonzero(texels.face >= 0)
    triangle, shares = texels.face[row, column], texels.barycentric[row, column]
    vertices = np.concatenate([hair.vertices, np.asarray(head, float)])
    occluders = np.concatenate([faces[solid], np.asarray(head_faces) + len(hair.vertices)])
    depth = render_buffers(seen.camera, vertices, occluders)[2]
    points = np.einsum("nk,nkd->nd", shares, hair.vertices[faces[triangle]])
    outward = np.einsum("nk,nkd->nd", shares, hair.outward[faces[triangle]])
    texture, total = plain, np.zeros(style.grey.shape, np.float32)
    # What the photo does not show it may show on the other side of the head.
    for flip in (np.array([1.0, 1, 1]), np.array([-1.0, 1, 1])):
        weight = np.zeros(style.grey.shape, np.float32)
        weight[row, column] = _seen(seen, depth, points * flip, outward * flip)
        weight = np.minimum(weight, blurred(weight, BLEND)) * (1 - total)
        pixels = project(camera, points * flip)[0].astype(np.float32)
        photo = plain.copy()
        photo[row, column] = sample_photo(observation.frame.pixels, pixels, _step(pixels, row, column, total.shape))
        texture = texture + smoothstep(weight, 0.05, 0.6)[..., None] * (photo - texture)
        total = np.maximum(total, smoothstep(weight, 0.05, 0.6)).astype(np.float32)
    # What the photo's light does to the tone goes on softly where it shows nothing.
    around = membrane(blurred((texture - plain).astype(np.float32), 1.0), total, 0.97) * CONTINUED
    filled = plain + np.clip(around, -LARGEST, LARGEST)
    return np.clip(texture + (1 - total[..., None]) * (filled - plain), 0, 255).astype(np.uint8)


def _seen(seen: HairSeen, depth: NDArray, points: NDArray, outward: NDArray) -> NDArray:
    """(N,) 0-1: how far the photo shows hair at points (N, 3); `depth` (h, w): of what is foremost in it, metres."""
    toward = view_directions(seen.camera, points)[0]
    pixels, far = project(seen.camera, points)
    at = pixels.astype(np.float32)
    front = image_at(np.where(np.isfinite(depth), depth, 0).astype(np.float32), at, cv2.INTER_NEAREST)
    shown = (far < front + BEHIND_M) * smoothstep((outward * toward).sum(axis=1), *FACING)
    shown = shown * smoothstep(image_at(seen.hair, at, border=cv2.BORDER_CONSTANT), *SURE)
    inside: NDArray = image_at(seen.inside.astype(np.float32), at, border=cv2.BORDER_CONSTANT) > 0.5
    return shown * inside


def _step(pixels: NDArray, row: NDArray, column: NDArray, shape: tuple[int, ...]) -> float:
    """Pixels of the photo per texel, on the median."""
    place = np.full((*shape, 2), np.nan, np.float32)
    place[row, column] = pixels
    apart = np.linalg.norm(np.diff(place, axis=1), axis=2)
    return float(np.clip(np.nanmedian(apart), 0.2, 8.0))
