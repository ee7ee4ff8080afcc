"""Batches of windows of the face's chart with the heights of its folds, from the shards of `folds.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.network import UNIT_M, mirrored_planes, planes_of
from maquette.training.datasets.folds import COARSER, COLUMNS, MM
from maquette.training.datasets.shards import FRACTIONS, WHOLE, Array, Layout, Shards

WINDOW = (224, 160)  # texels, down and right
TRIES, SHOWN = 6, 0.25  # windows are drawn again until so much of them is skin that is seen
WIDEST_M = 0.005  # standard deviation: what is wider is the shape's, no fold
RESOLVED, FINEST_M = 0.45, 0.00025  # of a pixel, and metres: standard deviation below which no photo shows a fold
SEEN = 40  # weight in 255ths from which a photo says something
CONTRAST, LEVEL = 0.1, 0.1  # spread of the log contrast and level of the brightness, anew each time
LAYOUT: Layout = {
    "fine": (FRACTIONS, 2), "tint": (FRACTIONS, 3), "weight": (WHOLE, 2), "slow": (FRACTIONS, 3),
    "relief": (FRACTIONS, 2), "valid": (WHOLE, 2), "pixel": (FRACTIONS, 1),
}  # fmt: skip


class FoldCharts:
    """Windows of charts, some of them mirrored.

    Args:
        folder: of the shards, with the folders train and test in it.
        split: train or test.
        model: name of the head whose chart they are on.
    """

    def __init__(self, folder: Path, batch_size: int, seed: int, split: str = "train", model: str = "maquette-head"):
        self.shards = Shards(Path(folder) / split, COLUMNS, batch_size, seed, LAYOUT)
        self.seed, self.chart = seed, detail_chart(model)

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """planes (N, PLANES, h, w), heights in UNIT_M and known (0 or 1) (N, h, w), float32."""
        rng = np.random.default_rng([self.seed, number])
        rows = self.shards.batch(number)
        made = [self._window({name: rows[name][k] for name in rows}, rng) for k in range(len(rows["fine"]))]
        return {name: np.stack([one[name] for one in made]) for name in made[0]}

    def whole(self, index: int) -> dict[str, Array]:
        """planes (PLANES, H, W), heights and known (H, W) of a whole chart, as it is; pixel (1,) millimetres."""
        row = {name: values[0] for name, values in self.shards.rows([index]).items()}
        everything = (slice(None), slice(None))
        height, known = truth_of(row, self.chart)
        return {"planes": planes(row, everything, self.chart), "heights": height, "known": known, "pixel": row["pixel"]}

    def _window(self, row: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        shown = (row["weight"] > SEEN) & (row["valid"] > 229)
        for _ in range(TRIES):
            top, left = (int(rng.integers(0, n - m + 1)) // COARSER * COARSER for n, m in zip(shown.shape, WINDOW))
            window = slice(top, top + WINDOW[0]), slice(left, left + WINDOW[1])
            if shown[window].mean() > SHOWN:
                break
        height, known = truth_of(row, self.chart, window)
        seen = planes(row, window, self.chart)
        seen[0] *= np.float32(np.exp(CONTRAST * rng.normal()))
        seen[5] += np.float32(LEVEL * rng.normal())
        if rng.random() < 0.5:
            seen, height, known = mirrored_planes(seen), height[:, ::-1], known[:, ::-1]
        return {"planes": seen, "heights": np.ascontiguousarray(height), "known": np.ascontiguousarray(known)}


def planes(row: dict[str, Array], window: tuple[slice, slice], chart: DetailChart) -> Array:
    """(PLANES, h, w) of a window, whose corners are multiples of COARSER."""
    coarse = tuple(slice(*(None if k is None else k // COARSER for k in (s.start, s.stop))) for s in window)
    slow = row["slow"][(slice(None), *coarse)].astype(np.float32)
    slow[4] /= MM
    weight = row["weight"][window].astype(np.float32) / 255
    return planes_of(row["fine"][window], row["tint"][window], weight, slow, chart.zones[(slice(None), *window)])


def truth_of(
    row: dict[str, Array], chart: DetailChart, window: tuple[slice, slice] = (slice(None), slice(None))
) -> tuple[Array, Array]:
    """(h, w) float32 heights in UNIT_M that are folds and that the photo resolves, and where they are known, 0 or 1."""
    margin = round(3 * WIDEST_M / min(chart.texel))
    wide = tuple(slice(max((s.start or 0) - margin, 0), None if s.stop is None else s.stop + margin) for s in window)
    inner = tuple(slice((s.start or 0) - (w.start or 0), None) for s, w in zip(window, wide))
    valid = row["valid"][wide].astype(np.float32) / 255
    height = row["relief"][wide].astype(np.float32) * valid
    folds = (height - chart.smooth(height, WIDEST_M) / np.maximum(chart.smooth(valid, WIDEST_M), 1e-3)) * valid
    finest = max(RESOLVED * float(row["pixel"][0]) / MM, FINEST_M)
    shown = chart.smooth(folds, finest) / np.maximum(chart.smooth(valid, finest), 1e-3)
    known = ((valid > 0.9) & (row["weight"][wide] > SEEN)).astype(np.float32)
    size = tuple(slice(0, None if s.stop is None else s.stop - (s.start or 0)) for s in window)
    return (shown * np.float32(1 / (MM * UNIT_M)))[inner][size], known[inner][size]
