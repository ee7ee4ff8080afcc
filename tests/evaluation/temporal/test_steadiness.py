"""Steadiness of crops and silhouettes with known answers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.evaluation.silhouettes import silhouette_iou
from maquette.evaluation.temporal.steadiness import rect_jitter, warped_by_flow


def test_jitter_of_crops_is_their_noise_and_not_their_motion():
    noise = np.random.default_rng(0).normal(0, 0.7, (4000, 3))
    walk = np.arange(4000)[:, None] * [3.0, 0.5, 0.1]
    assert rect_jitter(list(enumerate(walk))) == pytest.approx(0, abs=1e-9)
    assert rect_jitter(list(enumerate(walk + noise))) == pytest.approx(0.7, rel=0.05)
    assert rect_jitter([(0, walk[0]), (1, walk[1])]) is None
    assert rect_jitter([(0, walk[0]), (1, walk[1]), (9, walk[9])]) is None


def test_a_silhouette_is_carried_by_the_flow():
    random = np.random.default_rng(0)
    before = cv2.GaussianBlur(random.integers(0, 255, (96, 128)).astype(np.uint8), (0, 0), 2)
    before = cv2.normalize(before, None, 0, 255, cv2.NORM_MINMAX)
    now = np.roll(before, (3, -5), (0, 1))
    mask = np.zeros((96, 128), np.float32)
    mask[30:60, 40:80] = 1
    moved = warped_by_flow(mask, before, now) > 0.5
    assert silhouette_iou(moved, np.roll(mask, (3, -5), (0, 1)) > 0.5) > 0.95
    assert silhouette_iou(moved, mask > 0.5) < 0.75
