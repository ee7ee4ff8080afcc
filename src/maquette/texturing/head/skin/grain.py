"""How uneven a photo's skin is, from pores to blotches, and as much of it for the skin that no photo shows.

Grain is finer than the coarse texture and grey; mottle is coarser and has a part of its own in red. Both are noise
laid out on the head, their strength in each band measured on the plain skin that the photo shows; where the photo is
smooth, small or enlarged, so is what is invented.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import FACE_WIDTH_M, GRAIN_SIGMAS_M, NOISE_UNIT, Layers, noise_of
from maquette.texturing.images import blurred

MOTTLE_SIGMAS_M = (0.0016, 0.0032)
LIMITS = (0.2, 4.0)  # 8-bit levels per band of the grain
USUAL = 2.0  # likewise, where too little skin is seen
MOST = 1.8  # 8-bit levels per band of the mottle
SHARE, MOTTLE_SHARE = 0.8, 0.30  # of what is measured: part of it is the photo's shading and noise
QUIET = 40  # percentile of the patches: there are moles, lines and shadows in the others
TILES = 24  # patches beside each other in the texture's width
FEWEST = 4  # patches that say something
PLAIN = 0.8  # share of a patch that is skin


def grain_levels(seen: Baked, layers: Layers) -> NDArray:
    """(bands,) 8-bit levels of `layers.grain` that are as uneven as this photo's bare skin."""
    weight = seen.trust * layers.zones["plain"] * seen.bare
    found = spreads(seen.colour[..., 1], tiles_of(weight), layers)
    if len(found) < FEWEST:
        return np.full(len(layers.grain), USUAL)
    energy = np.percentile(found, QUIET, axis=0) ** 2
    return np.clip(SHARE * np.sqrt(nnls(unit_energies(layers), energy)[0]), *LIMITS)


@lru_cache(maxsize=2)
def unit_energies(layers: Layers) -> NDArray:
    """(bands, bands): energy that each band of the grain (columns), one level strong, has in each band (rows)."""
    tiles = tiles_of(layers.zones["plain"] * layers.fine)
    spread = [np.median(spreads(band, tiles, layers), axis=0) / NOISE_UNIT for band in layers.grain]
    found: NDArray = np.stack(spread, axis=1) ** 2
    return found


def tiles_of(weight: NDArray) -> NDArray:
    """(n, 2) row and column of those patches of the chart, of 1 / TILES of its width, that (h, w) 0-1 covers."""
    side = weight.shape[1] // TILES
    rows, columns = weight.shape[0] // side, weight.shape[1] // side
    parts = (weight[: rows * side, : columns * side] > PLAIN).reshape(rows, side, columns, side)
    return np.argwhere(parts.mean(axis=(1, 3)) > PLAIN)


def spreads(image: NDArray, tiles: NDArray, layers: Layers) -> NDArray:
    """(n, bands) standard deviations of an image (H, W) at full size in each band of the grain, in patches (n, 2)."""
    side, texel = layers.size // TILES, FACE_WIDTH_M / layers.size
    found = np.zeros((len(tiles), len(GRAIN_SIGMAS_M)))
    for row, place in zip(found, tiles * side):
        patch = image[place[0] : place[0] + side, place[1] : place[1] + side].astype(np.float32)
        for band, sigma in enumerate(GRAIN_SIGMAS_M):
            part = blurred(patch, max(sigma / texel, 0.4)) - blurred(patch, max(2 * sigma / texel, 0.8))
            row[band] = 1.4826 * np.median(np.abs(part - np.median(part)))
    return found


def mottled(seen: Baked, layers: Layers) -> NDArray:
    """(h, w, 3) float32 8-bit levels: blotches over all skin, as strong in grey and in red as this photo's."""
    weight = (seen.trust * layers.zones["plain"] * seen.bare).astype(np.float32)
    pictures = np.stack([seen.coarse.mean(axis=2), seen.coarse[..., 0] - seen.coarse[..., 1:].mean(axis=2)], axis=2)
    found = blotches(pictures, weight)
    if len(found) < FEWEST:
        return np.zeros(seen.coarse.shape, np.float32)
    parts = []
    for energy, noise, unit in zip(np.percentile(found, QUIET, axis=0) ** 2, mottle(layers), unit_mottle(layers)):
        levels = np.minimum(MOTTLE_SHARE * np.sqrt(nnls(unit, energy)[0]), MOST)
        parts.append(np.tensordot(levels.astype(np.float32), noise, 1))
    grey, red = parts
    return np.stack([grey + 2 / 3 * red, grey - red / 3, grey - red / 3], axis=2)


def blotches(pictures: NDArray, weight: NDArray) -> NDArray:
    """(n, C, bands) standard deviations of pictures (h, w, C) in each band of the mottle, in n patches of skin (h, w).

    They are measured at half the size, which is fine enough for them.
    """
    half = weight.shape[1] // 2, weight.shape[0] // 2
    weight, pictures = (cv2.resize(k, half, interpolation=cv2.INTER_AREA) for k in (weight, pictures))
    texel, side = FACE_WIDTH_M / half[0], half[0] // TILES
    tiles = tiles_of(weight) * side
    both = np.dstack([pictures * weight[..., None], weight])
    found = np.zeros((len(tiles), pictures.shape[2], len(MOTTLE_SIGMAS_M)))
    for band, sigma in enumerate(MOTTLE_SIGMAS_M):
        fine, coarse = (blurred(both, s) for s in (sigma / texel, 2 * sigma / texel))
        part = fine[..., :-1] / np.maximum(fine[..., -1:], 0.05) - coarse[..., :-1] / np.maximum(coarse[..., -1:], 0.05)
        for row, (top, left) in zip(found, tiles):
            row[:, band] = part[top : top + side, left : left + side].std(axis=(0, 1))
    return found


@lru_cache(maxsize=2)
def mottle(layers: Layers) -> NDArray:
    """(2, bands, h, w) float32 noise of unit variance: grey, and red against the other channels."""
    rng = np.random.default_rng(22)
    bands = [list(noise_of(layers.skin, layers.model, MOTTLE_SIGMAS_M, rng)) for _ in range(2)]
    return np.array(bands, np.float32)


@lru_cache(maxsize=2)
def unit_mottle(layers: Layers) -> NDArray:
    """(2, bands, bands): energy that each band of the mottle (last), one level strong, has in each band."""
    weight = (layers.zones["plain"] * layers.fine).astype(np.float32)
    found = [np.median(blotches(np.moveaxis(part, 0, -1), weight), axis=0) ** 2 for part in mottle(layers)]
    return np.swapaxes(found, 1, 2)
