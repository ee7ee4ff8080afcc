"""Masks of people as a segmenter makes them: soft, a little too large or small, with hands and feet lost."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LOST = 0.2  # share of masks without a hand or a foot
ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")


def degrade_mask(mask: NDArray, ends: NDArray, rng: np.random.Generator) -> NDArray:
    """(S, S) uint8, 255 inside.

    Args:
        mask: (S, S) bool, the true one.
        ends: (4, 2) pixels of ENDS.
    """
    size = len(mask)
    unit = size / 256
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.6, 2.2) * unit)
    coarse = cv2.resize(rng.normal(size=(14, 14)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(size=(48, 48)).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    edge = 4 * soft * (1 - soft)
    soft = soft + edge * (rng.uniform(0, 0.3) * coarse + rng.uniform(0, 0.15) * fine + 0.12 * rng.normal())
    for _ in range(rng.poisson(1.2)):  # blobs on the outline that are missed or added
        rows, columns = np.nonzero(edge > 0.5)
        if not len(rows):
            break
        k = rng.integers(len(rows))
        spot = np.zeros((size, size), np.float32)
        wide, high = (int(max(1, r * unit)) for r in rng.uniform(2, 7, 2))
        cv2.ellipse(spot, (int(columns[k]), int(rows[k])), (wide, high), rng.uniform(0, 180), 0, 360, (1.0,), -1)
        blob = cv2.GaussianBlur(spot, (0, 0), 1.0 * unit)
        soft = soft + blob * (1 if rng.random() < 0.5 else -1)
    if rng.random() < LOST:
        for k in rng.choice(len(ends), rng.integers(1, 3), replace=False):
            gone = np.zeros((size, size), np.float32)
            x, y = (int(value) for value in np.clip(ends[k], -size, 2 * size))
            cv2.circle(gone, (x, y), int(rng.uniform(6, 13) * unit), (1.0,), -1)
            soft = soft * (1 - cv2.GaussianBlur(gone, (0, 0), 1.2 * unit))
    sharp = rng.uniform(1.0, 5.0)
    soft = cv2.GaussianBlur(np.clip(0.5 + sharp * (soft - 0.5), 0, 1), (0, 0), rng.uniform(0.4, 1.2) * unit)
    return np.round(255 * soft).astype(np.uint8)
