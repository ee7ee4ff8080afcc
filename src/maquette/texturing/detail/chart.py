"""Where on the texture folds are looked for: the face's window of the skin chart, texels about as high as wide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.morphable import load
from maquette.texturing.head.layers import MAP_SIZE, Layers, layers_of
from maquette.texturing.head.skin.relief import texel_lengths

# The chart shows the face 1.5 times as high as wide: rows of a chart of MAP_SIZE, columns of one of half the size.
MARGIN = 9  # texels around the face's core
MULTIPLE = 4  # of the window's corners


@dataclass(frozen=True, eq=False)
class DetailChart:
    """The grid of the heights: (h, w) of the window.

    Attributes:
        layers: of the model, its place chart at MAP_SIZE.
        shape: (H, W) of the whole skin chart on this grid.
        window: rows and columns of it.
        length: (h, w, 2) float32 metres that a texel is long on the mean head, down and right.
        zones: (6, h, w) float32: brows, lids and lips, insides, core of the face, place across (-1 to 1) and up.
        free: (h, w) float32 0-1: skin that may fold.
    """

    layers: Layers
    shape: tuple[int, int]
    window: tuple[slice, slice]
    length: NDArray
    zones: NDArray
    free: NDArray

    @property
    def texel(self) -> tuple[float, float]:
        """Metres, down and right, of a texel in the middle of the face."""
        core = self.zones[3] > 0.8
        return float(np.median(self.length[..., 0][core])), float(np.median(self.length[..., 1][core]))

    def cut(self, values: NDArray) -> NDArray:
        """The window of values (H, W, ...)."""
        return np.ascontiguousarray(values[self.window])

    def whole(self, values: NDArray) -> NDArray:
        """(H, W) float32: values of the window (h, w), zero around it."""
        found = np.zeros(self.shape, np.float32)
        found[self.window] = values
        return found

    def sized(self, values: NDArray) -> NDArray:
        """float32 values of any chart of the skin on this grid: (H, W, ...)."""
        values = np.asarray(values, np.float32)
        smaller = values.shape[0] >= self.shape[0] and values.shape[1] >= self.shape[1]
        kind = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(values, self.shape[::-1], interpolation=kind))

    def spread(self, values: NDArray) -> NDArray:
        """(h, w, ...) float32 of vertex values (V, ...)."""
        return self.cut(self.sized(self.layers.place.spread(values)))

    def smooth(self, values: NDArray, sigma: float) -> NDArray:
        """Gaussian blur of (h, w, ...); sigma in metres."""
        down, right = self.texel
        return np.asarray(
            cv2.GaussianBlur(values, (0, 0), sigma / right, sigmaY=sigma / down, borderType=cv2.BORDER_REPLICATE)
        )

    def around(self, values: NDArray, weight: NDArray, sigma: float) -> NDArray:
        """Blur of what has weight (h, w)."""
        share = np.maximum(self.smooth(weight, sigma), 1e-3)
        return self.smooth(values * widened(weight, values), sigma) / widened(share, values)


def widened(weight: NDArray, like: NDArray) -> NDArray:
    """A weight (h, w) for values (h, w) or (h, w, n)."""
    return weight if like.ndim == 2 else weight[..., None]


@lru_cache(maxsize=1)
def detail_chart(name: str) -> DetailChart:
    """The chart of a model."""
    layers = layers_of(load(name).name, MAP_SIZE)
    shape = layers.place.shape[0], layers.place.shape[1] // 2
    everything = slice(None), slice(None)
    whole = DetailChart(layers, shape, everything, *([np.zeros((0, 0), np.float32)] * 3))
    core = whole.sized(layers.zones["core"])
    rows, columns = np.nonzero(cv2.dilate((core > 0.1).astype(np.uint8), np.ones((MARGIN, MARGIN), np.uint8)))
    window = _span(rows), _span(columns)
    length = whole.sized(texel_lengths(layers))
    length[..., 0] /= 2
    place = whole.sized(layers.place.spread(layers.model.mean))
    parts = [whole.sized(layers.zones[zone]) for zone in ("brows", "edge", "inner", "core")]
    zones = np.stack([*parts, place[..., 0] / 0.08, place[..., 1] / 0.1])[(slice(None), *window)]
    free = np.clip(1 - zones[:3].max(axis=0), 0, 1)
    return DetailChart(layers, shape, window, np.ascontiguousarray(length[window]), zones.astype(np.float32), free)


def _span(used: NDArray) -> slice:
    return slice(int(used.min()) // MULTIPLE * MULTIPLE, -(-int(used.max()) // MULTIPLE) * MULTIPLE)
