"""Heights whose slopes shade the skin as it is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.evidence import Evidence
from maquette.texturing.detail.shading import refolded


@pytest.fixture(scope="module")
def chart(model) -> DetailChart:
    whole = detail_chart(model.name)
    even = np.broadcast_to(np.array(whole.texel, np.float32), (96, 80, 2))
    window = slice(0, 96), slice(0, 80)
    return replace(whole, window=window, length=even, zones=whole.zones[:, 200:296, 150:230], free=np.ones((96, 80)))


def test_a_fold_is_found_from_its_shading(chart):
    down, _ = chart.texel
    y = np.arange(96)[:, None] * down * np.ones((1, 80))
    fold = (-3e-4 * np.exp(-(((y - y.mean()) / 0.0012) ** 2))).astype(np.float32)
    response = np.zeros((96, 80, 2), np.float32)
    response[..., 0] = 1.2
    shown = (1.2 * np.gradient(fold, axis=0) / down).astype(np.float32)
    one = np.ones((96, 80), np.float32)
    seen = Evidence(shown, np.zeros((96, 80, 2)), one, 0 * one, 0.0, response, 3e-4 * one, 1.0)
    found = refolded(0 * fold, shown, seen, chart)
    inner = slice(20, -20), slice(10, -10)
    truth = fold - chart.smooth(fold, 0.005)
    assert np.corrcoef(found[inner].ravel(), truth[inner].ravel())[0, 1] > 0.95
    assert found[inner].min() < 0.5 * truth[inner].min()


def test_without_light_the_guess_stays(chart):
    rng = np.random.default_rng(0)
    guess = chart.smooth(rng.normal(size=(96, 80)).astype(np.float32), 0.001) * np.float32(1e-4)
    one = np.ones((96, 80), np.float32)
    none = np.zeros((96, 80, 2), np.float32)
    dark = Evidence(0 * one, none, one, 0 * one, 0.0, none, 3e-4 * one, 0.0)
    found = refolded(guess, 0 * one, dark, chart)
    assert np.corrcoef(found.ravel(), (guess - chart.smooth(guess, 0.005)).ravel())[0, 1] > 0.97
