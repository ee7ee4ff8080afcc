"""Masks as a segmenter makes them: near the true one, never the same."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.rendering.segmentation import degrade_mask


def test_a_degraded_mask_stays_near_the_true_one():
    mask = np.zeros((256, 256), bool)
    mask[40:220, 90:160] = True
    ends = np.array([[92.0, 60], [158, 60], [100, 215], [150, 215]])
    for seed in range(20):
        seen = degrade_mask(mask, ends, np.random.default_rng(seed))
        assert seen.dtype == np.uint8 and seen.shape == mask.shape
        inside = seen > 127
        share = (inside & mask).sum() / (inside | mask).sum()
        assert 0.85 < share < 1
        assert (seen[120:140, 115:135] > 250).all() and (seen[:20] < 5).all()
        soft = (seen > 10) & (seen < 245)
        assert soft.any()


def test_the_same_seed_gives_the_same_mask():
    mask = np.zeros((64, 64), bool)
    mask[10:50, 20:40] = True
    first, second = (degrade_mask(mask, np.zeros((4, 2)), np.random.default_rng(3)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
