"""The grid of the heights."""

from __future__ import annotations

import numpy as np

from maquette.texturing.detail.chart import detail_chart


def test_a_blur_is_as_wide_down_as_across_on_the_skin(model):
    chart = detail_chart(model.name)
    dot = np.zeros(chart.free.shape, np.float32)
    dot[300, 200] = 1
    soft = chart.smooth(dot, 0.003)
    down, right = chart.texel
    assert abs(soft[300 + round(0.003 / down), 200] / soft[300, 200 + round(0.003 / right)] - 1) < 0.1


def test_only_what_has_weight_is_blurred(model):
    chart = detail_chart(model.name)
    weight = np.zeros(chart.free.shape, np.float32)
    weight[:, :200] = 1
    found = chart.around(np.where(weight > 0, 3.0, 99.0).astype(np.float32), weight, 0.004)
    assert np.abs(found[:, :205] - 3).max() < 1e-3
