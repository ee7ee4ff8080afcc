"""The guided filter against its definition, written out window by window."""

from __future__ import annotations

import numpy as np

from maquette.perception.guided_filter import guided_filter


def test_it_is_the_least_squares_fit_of_every_window_averaged():
    rng = np.random.default_rng(3)
    guide = rng.integers(0, 255, (12, 14, 3), dtype=np.uint8)
    mask = rng.random((12, 14)).astype(np.float32)
    radius, smoothness = 2, 60.0
    padded = np.pad(guide.astype(float), ((2 * radius,) * 2, (2 * radius,) * 2, (0, 0)), mode="symmetric")
    padded_mask = np.pad(mask.astype(float), 2 * radius, mode="symmetric")
    slopes, constants = np.zeros((16, 18, 3)), np.zeros((16, 18))
    for row in range(16):
        for column in range(18):
            window = padded[row : row + 5, column : column + 5].reshape(-1, 3)
            values = padded_mask[row : row + 5, column : column + 5].ravel()
            spread = np.cov(window.T, bias=True) + smoothness * np.eye(3)
            slopes[row, column] = np.linalg.solve(
                spread, (window * values[:, None]).mean(0) - window.mean(0) * values.mean()
            )
            constants[row, column] = values.mean() - slopes[row, column] @ window.mean(0)
    # Windows beyond the border mirror those inside, as the filter mirrors its means.
    inner_slopes, inner_constants = slopes[2:-2, 2:-2], constants[2:-2, 2:-2]
    wide_slopes = np.pad(inner_slopes, ((radius,) * 2, (radius,) * 2, (0, 0)), mode="symmetric")
    wide_constants = np.pad(inner_constants, radius, mode="symmetric")
    wanted = np.zeros((12, 14))
    for row in range(12):
        for column in range(14):
            slope = wide_slopes[row : row + 5, column : column + 5].reshape(-1, 3).mean(0)
            wanted[row, column] = slope @ guide[row, column] + wide_constants[row : row + 5, column : column + 5].mean()
    assert np.abs(guided_filter(guide, mask, radius, smoothness) - wanted).max() < 1e-3


def test_a_soft_mask_takes_the_edge_of_the_picture():
    guide = np.zeros((40, 40, 3), np.uint8)
    guide[:, 20:] = (200, 80, 40)
    soft = np.clip((np.arange(40) - 12) / 16, 0, 1).astype(np.float32)[None].repeat(40, 0)
    out = guided_filter(guide, soft, 8, 50.0)
    assert out[20, 21] - out[20, 18] > 0.4 > 0.2 > soft[20, 21] - soft[20, 18]
