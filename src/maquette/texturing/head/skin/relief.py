"""How skin reflects light: a normal map of its pores and fine lines, and how rough it is where (`--maps`).

The relief is a height in metres per texel: the folds that the photo shows, and the grain that fills skin, which is
laid out in metres on the head. What is dark in the photo is not deep: moles, stubble and make-up are no relief. Slopes
per metre of surface become tangent-space normals as glTF has them: red along u, green against the rows, blue outwards.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.layers import FACE_WIDTH_M, NOISE_UNIT, Layers
from maquette.texturing.images import blurred, enlarged, smoothstep

PORES_M = np.array([12e-6, 30e-6, 24e-6], np.float32)  # standard deviations of the grain's bands, as heights
SEEN = 0.5  # of the grain that is left where the photo shows skin
STEEPEST = 0.30  # slope
FLAT = np.array([128, 128, 255], np.uint8)
# Roughness of the skin: cheeks, forehead with nose and chin, lips, lids, ears and neck; hair and brows.
CHEEKS, OILY, LIPS, LIDS, DRY, HAIR = 0.60, 0.46, 0.40, 0.55, 0.68, 1.0
SPECKLED = 0.06  # of roughness per unit of grain: pores break a highlight up
STRIP = 256  # rows worked on at a time


def skin_maps(
    texture: NDArray, confidence: NDArray, layers: Layers, folds: NDArray | None = None
) -> tuple[NDArray, NDArray]:
    """Normals and roughness of the whole texture.

    Args:
        texture: (S, S, 3) uint8 sRGB, finished; confidence: (S, S) uint8, 0 where it is made up.
        layers: of the model, at the same size.
        folds: (T, T) float32 metres, heights of folds in the same layout, or None.

    Returns:
        normals: (S, S, 3) uint8, tangent space, 128 is zero; flat outside the skin.
        roughness: (S, S) uint8, 255 is 1.
    """
    normals = np.broadcast_to(FLAT, texture.shape).copy()
    heights = None if folds is None else enlarged(folds, texture.shape[:2])
    roughness = np.full(texture.shape[:2], round(255 * CHEEKS), np.uint8)
    shape, rows = (layers.rows, layers.size), layers.skin_rows
    shown = confidence[: layers.rows].astype(np.float32) / 255
    bare, matt = (enlarged(values, shape) for values in surfaces_of(layers))
    length = enlarged(texel_lengths(layers), shape) * (layers.skin.size / layers.size)
    for start in range(0, rows, STRIP):
        strip = slice(max(start - 1, 0), min(start + STRIP + 1, layers.rows))
        pores = np.tensordot(PORES_M / NOISE_UNIT, layers.grain[:, strip].astype(np.float32), 1)
        height = bare[strip] * pores * (1 - (1 - SEEN) * shown[strip])
        if heights is not None:
            height = height + heights[strip]
        own = slice(start - strip.start, start - strip.start + min(STRIP, rows - start))
        normals[start : start + STRIP][: own.stop - own.start] = normals_of(height, length[strip])[own]
        noise = layers.grain[1, strip].astype(np.float32) / NOISE_UNIT
        rough = matt[strip] + SPECKLED * bare[strip] * noise
        roughness[start : start + STRIP][: own.stop - own.start] = np.rint(255 * np.clip(rough, 0.2, 1))[own]
    return normals, roughness


def normals_of(height: NDArray, length: NDArray) -> NDArray:
    """(h, w, 3) uint8 of a height field (h, w), metres; length: (h, w, 2) metres of a texel along rows and columns."""
    down, right = np.gradient(height)
    slope = np.stack([-right / length[..., 1], down / length[..., 0]], axis=2)
    steep = np.hypot(slope[..., 0], slope[..., 1])[..., None]
    slope = slope * np.minimum(1, STEEPEST / np.maximum(steep, 1e-9))
    unit = np.concatenate([slope, np.ones_like(steep)], axis=2) / np.sqrt(1 + (slope**2).sum(axis=2, keepdims=True))
    found: NDArray = np.rint(128 + 127 * unit).astype(np.uint8)
    return found


@lru_cache(maxsize=1)
def texel_lengths(layers: Layers) -> NDArray:
    """(h, w, 2) float32 metres: how far the next texel down and right lies on the mean head, at the coarse size."""
    points = layers.skin.spread(layers.model.mean)
    lengths = [blurred(np.linalg.norm(np.gradient(points, axis=axis), axis=2), 2.0) for axis in (0, 1)]
    return np.maximum(np.stack(lengths, axis=2), 0.2 * FACE_WIDTH_M / layers.skin.size).astype(np.float32)


@lru_cache(maxsize=1)
def surfaces_of(layers: Layers) -> tuple[NDArray, NDArray]:
    """(h, w) float32 each, at the coarse size: how far there is bare skin, 0-1, and how rough it is, 0-1."""
    zones = layers.zones
    x, y, z = np.moveaxis(layers.skin.spread(layers.model.mean), -1, 0)
    hair = np.maximum(zones["brows"], smoothstep(zones["hair"], 0.3, 0.8))
    bare = (1 - hair) * (1 - zones["inner"]) * (1 - 0.6 * zones["edge"])
    # Forehead between the brows' ends, nose, chin.
    middle = np.exp(-((x / 0.020) ** 2)) * (z > 0) * (1 - 0.5 * zones["lips"])
    forehead = smoothstep(y, 0.022, 0.032) * (1 - smoothstep(np.abs(x), 0.030, 0.055)) * (z > -0.02)
    rough = CHEEKS + (OILY - CHEEKS) * np.maximum(middle, forehead)
    for share, value in ((zones["off"], DRY), (zones["edge"] * (y > -0.03), LIDS), (zones["lips"], LIPS), (hair, HAIR)):
        rough = rough + share * (value - rough)
    return blurred(bare.astype(np.float32), 1.0), cv2.GaussianBlur(rough.astype(np.float32), (0, 0), 3.0)
