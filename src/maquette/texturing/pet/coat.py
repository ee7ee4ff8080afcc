"""The coat carried on over the parts of the head that no photo shows: stripes, spots and hairs as the photo has them.

Colours alone are too even for fur. Beside the photo's edge what it shows is laid on beyond it, mirrored at that edge,
in the directions in which fur runs (`flow.polar`), so that nothing jumps where the photo ends. Farther on patches of
the photo are laid over each other, their contrast kept (Heitz and Neyret 2018, "High-performance by-example noise").
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.threads import available
from maquette.morphable.model import MorphableModel
from maquette.texturing.images import image_at, smoothstep
from maquette.texturing.pet.flow import polar
from maquette.texturing.texels import Texels

GRID = (768, 1536)  # cells along the fur, from the brow to the end of the neck, and around
ROWS = (GRID[0] - 1) / np.pi  # cells a radian
SEEN = 200  # of the confidence, from which a texel is the photo's
FADE = (40, 170)  # of the confidence: below all, above nothing is carried on
COARSE = 0.13  # radians: wider changes are the colour, narrower ones the coat
FINEST = (0.7, 2.0, 6.0)  # cells over which texels are averaged: the first where there are enough
BAND, NARROW = 0.5, (0.08, 0.25)  # radians beside the photo's edge that are mirrored: at most; from, and fully
FAR = (0.6, 1.0)  # of the band, over which what is mirrored gives way to patches
SURE = 0.6  # share of texels seen around a place from which on it is within the photo
PATCHES, PATCH = 60, 0.2  # on the head; radians of a patch's half side in the photo
USUAL, PATTERNED = 0.4, 1.3  # quantile of the contrast around places, and how much more of it a patch may have
BOUND = 28.0  # 8-bit: what patches change a colour by at most: a coat of two colours is no pattern
CONTRAST = 0.9  # of what is carried on, against the photo
HAIR, STRENGTH = (4.0, 0.7), 4.0  # where the photo shows no coat: cells long, wide; 8-bit
FEATURES = ("eyelids", "nose_pad", "ears", "ear_inner")  # regions that are no coat
WIDE = 8.0  # cells
NOTHING = 1e-3
AT_ONCE, MOST_THREADS = 1 << 16, 4  # texels, whose arrays stay in the processor's cache


@dataclass(frozen=True, eq=False)
class _Coat:
    """What the photo shows of the coat, on the grid of directions.

    Attributes:
        detail: (h, w, 3) float32, what is finer than COARSE. known: (h, w) float32 0-1.
        edge: (w,) row of the photo's end in each direction. band: (w,) rows beside it that may be mirrored.
        centres: (n, 2) rows and columns around which a whole patch is known.
    """

    detail: NDArray
    known: NDArray
    edge: NDArray
    band: NDArray
    centres: NDArray


def lay_coat(model: MorphableModel, colours: NDArray, level: NDArray, texels: Texels, seed: int = 0) -> None:
    """Carry the coat on where the confidence is low, in place; eyes, mouth and nose stay.

    Args:
        model: whose triangles the texels are of.
        colours: (N, 3) float32, 8-bit sRGB of the texels. level: (N,) 0-255, their confidence.
        seed: of which patches lie where.
    """
    skin = np.zeros(len(model.faces), bool)
    skin[model.parts["skin"]] = True
    mine, (along, column) = skin[texels.face], _places(texels, model)
    fits = mine & (texels.spread(_features(model.regions, len(model.mean))) < 0.3)
    coat = _coat(colours[fits], along[fits], column[fits], level[fits] > SEEN, _feature_rows(model))
    fur = np.clip(3 * texels.spread(model.regions["fur_length"]), 0, 1)
    share = CONTRAST * np.clip((FADE[1] - level) / (FADE[1] - FADE[0]), 0, 1) * fur * mine
    lacks = np.flatnonzero(share > NOTHING)
    points = texels.spread(model.mean)
    patched = _Patches(coat, model, np.random.default_rng(seed))

    def lay(start: int) -> None:
        part = lacks[start : start + AT_ONCE]
        mirrored, trust = _mirrored(coat, along[part], column[part])
        detail = _mixed(mirrored, patched.at(points[part], along[part], column[part]), trust[:, None])
        colours[part] = np.clip(colours[part] + share[part, None] * detail, 0, 255)

    with ThreadPoolExecutor(min(available(), MOST_THREADS)) as threads:
        list(threads.map(lay, range(0, len(lacks), AT_ONCE)))


def _mixed(first: NDArray, second: NDArray, share: NDArray) -> NDArray:
    """Two patterns of mean 0, blended so that the contrast stays."""
    return (share * first + (1 - share) * second) / np.sqrt(share**2 + (1 - share) ** 2)


def _places(texels: Texels, model: MorphableModel) -> tuple[NDArray, NDArray]:
    """(N,) rows and columns of the grid for each texel."""
    along, around = polar(model.mean.astype(float), model)
    turned = texels.spread(np.column_stack([np.cos(around), np.sin(around)]))
    column = (np.arctan2(turned[:, 1], turned[:, 0]) / (2 * np.pi) + 0.5) * GRID[1]
    return texels.spread(along[:, None])[:, 0] * ROWS, column


def _features(regions: Mapping[str, NDArray], count: int) -> NDArray:
    found = [regions[name] for name in FEATURES if name in regions]
    return np.max(found, axis=0) if found else np.zeros(count, np.float32)


def _feature_rows(model: MorphableModel) -> NDArray:
    """(w,) the row up to which eyes, nose and mouth reach in each direction: nothing there is laid on elsewhere."""
    inside = np.zeros(len(model.mean), bool)
    for name in ("eyeLeft", "eyeRight", "mouth"):
        if name in model.parts:
            inside[model.part_vertices(name)] = True
    for name in ("eyelids", "nose_pad"):
        inside |= model.regions.get(name, np.zeros(len(model.mean))) > 0.5
    along, around = polar(model.mean[inside].astype(float), model)
    rows = np.zeros(GRID[1], np.float32)
    column = ((around / (2 * np.pi) + 0.5) * GRID[1]).astype(int) % GRID[1]
    np.maximum.at(rows, column, (along * ROWS).astype(np.float32))
    wide = GRID[1] // 24
    wrapped = np.concatenate([rows[-wide:], rows, rows[:wide]])
    return cv2.dilate(wrapped[None], np.ones((1, wide), np.uint8))[0, wide:-wide]


def _coat(colours: NDArray, along: NDArray, column: NDArray, seen: NDArray, features: NDArray) -> _Coat:
    """The coat of texels (N, 3) at rows and columns (N,) of the grid, as far as they are seen, (N,) bool."""
    rows = np.rint(along).astype(int).clip(0, GRID[0] - 1)
    index, cells = rows * GRID[1] + np.floor(column).astype(int) % GRID[1], GRID[0] * GRID[1]
    every = np.bincount(index, minlength=cells).reshape(GRID).astype(np.float32)
    count = np.bincount(index[seen], minlength=cells).reshape(GRID).astype(np.float32)
    sums = [np.bincount(index[seen], colours[seen, k], cells).reshape(GRID) for k in range(3)]
    total = np.dstack(sums).astype(np.float32)
    # The other side of the head has the same coat, where it alone is seen.
    other = (GRID[1] // 2 - 1 - np.arange(GRID[1])) % GRID[1]
    share = _blur(count, 4) / np.maximum(_blur(every, 4), NOTHING)
    lacks = share < share[:, other]
    count = np.where(lacks, count[:, other], count)
    total = np.where(lacks[..., None], total[:, other], total)
    share = np.maximum(share, share[:, other])
    wide = COARSE * ROWS
    ground = (wide, 4 * wide)
    detail = _smooth(total, count, (*FINEST, *ground)) - _smooth(total, count, ground)
    within = share > SURE
    last = np.where(within.any(axis=0), GRID[0] - 1 - within[::-1].argmax(axis=0), 0).astype(np.float32)
    edge = _around(last, GRID[1] / 60)
    band = _around(np.minimum(BAND * ROWS, edge - features), GRID[1] / 50)
    known = smoothstep(share, SURE - 0.2, SURE + 0.2).astype(np.float32)
    return _Coat(detail, known, edge, band, _centres(within, features, (detail**2).sum(axis=2) * within))


def _centres(within: NDArray, features: NDArray, contrast: NDArray) -> NDArray:
    """(n, 2) rows and columns around which patches lie within the photo, off eyes, nose and mouth.

    Where no whole patch does, the places with most around them. Where the coat changes from one colour to another is
    no pattern of it, and left out: there `contrast` (h, w) is far above the usual.
    """
    rows = np.arange(GRID[0])
    useful = (within & (rows[:, None] > features[None]) & (rows[:, None] > 0.3 * ROWS)).astype(np.uint8)
    room = cv2.distanceTransform(np.pad(useful, ((1, 1), (0, 0))), cv2.DIST_L2, 3)[1:-1] / ROWS
    if room.max() < 0.25 * PATCH:
        return np.zeros((0, 2), int)
    whole = room >= min(PATCH, 0.8 * float(room.max()))
    wide = PATCH * ROWS / 2
    power = _blur(contrast.astype(np.float32), wide) / np.maximum(_blur(within.astype(np.float32), wide), NOTHING)
    usual = float(np.quantile(power[useful > 0], USUAL))
    plain = whole & (power <= PATTERNED * usual)
    return np.argwhere(plain if plain.any() else whole & (power <= power[whole].min()))


def _smooth(total: NDArray, count: NDArray, sigmas: tuple[float, ...]) -> NDArray:
    """(h, w, 3) mean of sums with counts, as fine as the cells are full: near the axis most are empty."""
    out = np.zeros_like(total)
    for sigma in sorted(sigmas, reverse=True):
        weight = _blur(count, sigma)
        trust = smoothstep(weight * sigma, 0.05, 0.2)[..., None]
        out = out + trust * (_blur(total, sigma) / np.maximum(weight, 1e-4)[..., None] - out)
    return out.astype(np.float32)


def _mirrored(coat: _Coat, along: NDArray, column: NDArray) -> tuple[NDArray, NDArray]:
    """(N, 3) the coat mirrored at the photo's edge at rows and columns (N,), and how far it may count, (N,) 0-1."""
    which = np.floor(column).astype(int) % GRID[1]
    band, edge = np.maximum(coat.band[which], 1.0), coat.edge[which]
    beyond = np.maximum(along - edge, 0)
    at = np.column_stack([column, np.where(beyond > 0, edge - np.minimum(beyond, band), along) + 0.5])
    at = at.astype(np.float32)
    known = image_at(coat.known[..., None], at).reshape(-1)
    near = smoothstep(coat.band[which] / ROWS, *NARROW) * (1 - smoothstep(beyond / band, *FAR))
    return image_at(coat.detail, at), known * near


class _Patches:
    """Patches of the photo laid over the head, blended; where it has none, hairs of no coat."""

    def __init__(self, coat: _Coat, model: MorphableModel, generator: np.random.Generator) -> None:
        self.bare = not len(coat.centres)
        if self.bare:
            hairs = _blur(generator.standard_normal(GRID).astype(np.float32), HAIR[1], HAIR[0])
            self.picture = STRENGTH / hairs.std() * hairs[..., None]
            return
        places = _spread_out(model.mean[model.part_vertices("skin")].astype(float), PATCHES)
        rows, turns = polar(places, model)
        self.tree, self.rows = cKDTree(places), (rows * ROWS).astype(np.float32)
        self.columns = ((turns / (2 * np.pi) + 0.5) * GRID[1]).astype(np.float32)
        self.taken = coat.centres[generator.integers(len(coat.centres), size=len(places))].astype(np.float32)
        self.picture = coat.detail * coat.known[..., None]

    def at(self, points: NDArray, along: NDArray, column: NDArray) -> NDArray:
        """(N, 3) float32 at points (N, 3) of the mean head, rows and columns (N,) float32 of the grid."""
        if self.bare:
            return image_at(self.picture, np.column_stack([column, along + 0.5])).reshape(-1, 1).repeat(3, axis=1)
        distance, near = (np.asarray(found) for found in self.tree.query(points, k=4))
        weights = np.maximum(1 - distance[:, :3] / np.maximum(distance[:, 3:], 1e-9), 0).astype(np.float32) ** 2
        out, short = np.zeros((len(points), 3), np.float32), np.sin(along / ROWS)
        for which, weight in zip(near[:, :3].T, weights.T):
            taken = self.taken[which]
            across = column - self.columns[which]
            across -= GRID[1] * np.round(across / GRID[1])
            # A step around the head is shorter near the axis.
            across *= short / np.maximum(np.sin(taken[:, 0] / ROWS), 0.2)
            at = np.column_stack([taken[:, 1] + across, taken[:, 0] + along - self.rows[which] + 0.5])
            out += weight[:, None] * image_at(self.picture, _folded(at, taken))
        even = out / np.sqrt(np.maximum((weights**2).sum(axis=1), NOTHING))[:, None]
        return BOUND * np.tanh(even / BOUND)


def _folded(at: NDArray, centres: NDArray) -> NDArray:
    """(N, 2) columns and rows brought back into the patches around centres (N, 2: row, column), to and fro."""
    half = np.array([PATCH * GRID[1] / (2 * np.pi), PATCH * ROWS], np.float32)
    away = at - centres[:, ::-1]
    away = np.abs((away - half) % (4 * half) - 2 * half) - half
    return (centres[:, ::-1] + away).astype(np.float32)


def _spread_out(points: NDArray, count: int) -> NDArray:
    """(count, 3) of points (N, 3), each as far from the others as can be, in turn."""
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]


def _blur(values: NDArray, across: float, along: float | None = None) -> NDArray:
    """Smoothed on the grid, which goes on around itself; as wide along the fur as across where nothing else is said.

    What is smoothed widely is first made smaller.
    """
    if across > WIDE:
        factor = int(across / WIDE * 2)
        size = max(values.shape[1] // factor, 8), max(values.shape[0] // factor, 4)
        small = _blur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), across * size[0] / values.shape[1])
        return cv2.resize(small, values.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    margin = int(4 * across) + 2
    wrapped = np.concatenate([values[:, -margin:], values, values[:, :margin]], axis=1)
    return cv2.GaussianBlur(wrapped, (0, 0), sigmaX=across, sigmaY=along or across)[:, margin:-margin]


def _around(values: NDArray, sigma: float) -> NDArray:
    """(w,) smoothed around the axis."""
    return _blur(values[None].astype(np.float32), sigma, 1e-3)[0]
