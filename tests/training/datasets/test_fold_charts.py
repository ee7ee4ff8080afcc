"""Windows of charts to learn from."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.network import PLANES, UNIT_M
from maquette.training.datasets.fold_charts import WINDOW, FoldCharts, planes, truth_of
from maquette.training.datasets.folds import COARSER, MM

CHART = detail_chart("maquette-head")


def some_row(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shape = CHART.free.shape
    coarse = shape[0] // COARSER, shape[1] // COARSER
    relief = CHART.smooth(rng.normal(size=shape).astype(np.float32), 0.001)
    return {
        "fine": rng.normal(0, 0.1, shape).astype(np.float16),
        "tint": rng.normal(0, 0.1, (*shape, 2)).astype(np.float16),
        "weight": np.full(shape, 255, np.uint8),
        "slow": np.abs(rng.normal(0.3, 0.1, (5, *coarse))).astype(np.float16),
        "relief": (0.1 * relief / relief.std()).astype(np.float16),
        "valid": np.full(shape, 255, np.uint8),
        "pixel": np.array([0.3], np.float32),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made, rng = tmp_path_factory.mktemp("folds"), np.random.default_rng(0)
    rows = [some_row(rng) for _ in range(3)]
    for split in ("train", "test"):
        (made / split).mkdir()
        save_file({name: np.stack([row[name] for row in rows]) for name in rows[0]}, made / split / "0.safetensors")
    return made


def test_a_batch_is_a_function_of_its_number(folder):
    data = FoldCharts(folder, 2, 5)
    first, again, next_one = data.batch(3), FoldCharts(folder, 2, 5).batch(3), data.batch(4)
    assert len(data) == 3 and first["planes"].shape == (2, PLANES, *WINDOW)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["heights"], next_one["heights"])


def test_a_window_says_what_the_whole_says(folder):
    row = some_row(np.random.default_rng(2))
    window = slice(200, 200 + WINDOW[0]), slice(120, 120 + WINDOW[1])
    everything = slice(None), slice(None)
    whole, part = truth_of(row, CHART)[0][window], truth_of(row, CHART, window)[0]
    assert np.abs(whole - part).max() < 0.02
    wide, cut = planes(row, everything, CHART)[(slice(None), *window)], planes(row, window, CHART)
    slow = np.array([4, 5, 6, 7, 8])
    assert np.array_equal(np.delete(wide, slow, axis=0), np.delete(cut, slow, axis=0))
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(wide[slow] - cut[slow])[inner].max() < 0.02


def test_wide_shapes_and_what_is_finer_than_the_photo_are_no_folds():
    row = some_row(np.random.default_rng(3))
    y = np.arange(CHART.free.shape[0])[:, None] * CHART.texel[0] * np.ones((1, CHART.free.shape[1]))
    for period, kept in ((0.06, 0.1), (0.008, 0.8)):
        row["relief"] = np.sin(2 * np.pi * y / period).astype(np.float16)
        found = truth_of(row, CHART)[0][150:-150] * UNIT_M * MM
        assert (found.std() > 0.6 * np.sqrt(0.5)) == (kept > 0.5)
    row["relief"] = np.sin(2 * np.pi * y / 0.003).astype(np.float16)
    row["pixel"] = np.array([4.0], np.float32)
    assert truth_of(row, CHART)[0][150:-150].std() * UNIT_M * MM < 0.1


def test_what_is_not_seen_is_not_asked_for():
    row = some_row(np.random.default_rng(4))
    row["weight"][:, :100] = 0
    known = truth_of(row, CHART)[1]
    assert not known[:, :100].any() and known[:, 120:].mean() > 0.9
