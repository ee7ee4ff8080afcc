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
BLEND = 5.0  # texels over which photo and style blend
SURE = (0.6, 0.95)  # of the hair's mask
CONTINUED = 0.6  # how far a difference between photo and tone goes on where the photo shows nothing


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
    tone = hair_colour(seen)
    plain = np.clip(tone * style.grey[..., None], 0, 255)
    row, column = np.nonzero(texels.face >= 0)
    triangle, shares = texels.face[row, column], texels.barycentric[row, column]
    vertices = np.concatenate([hair.vertices, np.asarray(head, float)])
    occluders = np.concatenate([faces[solid], np.asarray(head_faces) + len(hair.vertices)])
    depth = render_buffers(seen.camera, vertices, occluders)[2]
    points = np.einsum("nk,nkd->nd", shares, hair.vertices[faces[triangle]])
    outward = np.einsum("nk,nkd->nd", shares, hair.outward[faces[triangle]])
    toward = view_directions(camera, points)[0]
    small, far = project(seen.camera, points)
    at = small.astype(np.float32)
    front = image_at(np.where(np.isfinite(depth), depth, 0).astype(np.float32), at, cv2.INTER_NEAREST)
    shown = (far < front + BEHIND_M) * smoothstep((outward * toward).sum(axis=1), *FACING)
    shown = shown * smoothstep(image_at(seen.hair, at, border=cv2.BORDER_CONSTANT), *SURE)
    weight, photo = np.zeros(style.grey.shape, np.float32), plain.astype(np.float32)
    weight[row, column] = shown
    weight = np.minimum(weight, blurred(weight, BLEND)) * 1.0
    pixels = project(camera, points)[0].astype(np.float32)
    step = _step(pixels, row, column, style.grey.shape)
    photo[row, column] = sample_photo(observation.frame.pixels, pixels, step)
    # What the photo's light does to the tone goes on softly where it shows nothing.
    around = membrane(blurred(photo - plain.astype(np.float32), 1.0), weight, 0.9) * CONTINUED
    filled = np.clip(plain + np.clip(around, -40, 40), 0, 255)
    soft = smoothstep(weight, 0.05, 0.6)[..., None]
    return np.clip(filled + soft * (photo - filled), 0, 255).astype(np.uint8)


def _step(pixels: NDArray, row: NDArray, column: NDArray, shape: tuple[int, ...]) -> float:
    """Pixels of the photo per texel, on the median."""
    place = np.full((*shape, 2), np.nan, np.float32)
    place[row, column] = pixels
    apart = np.linalg.norm(np.diff(place, axis=1), axis=2)
    return float(np.clip(np.nanmedian(apart), 0.2, 8.0))
