"""Neck, shoulders and chest that belong to a head, and the turn of the head on the neck."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def features(coefficients: Array, age: Array, gender: Array, weight: Array, ancestry: Array) -> Array:
    """(N, K + 8) what a bust is regressed on: the head's coefficients (N, K), and age in years, gender, weight (N,)."""
    age, gender, weight = (np.asarray(a, float) for a in (age, gender, weight))
    youth = np.clip((16 - age) / 12, 0, 1)
    old = np.clip((age - 50) / 40, 0, 1)
    columns = [np.ones_like(age), gender - 0.5, weight - 0.5, youth, old, (gender - 0.5) * (1 - youth)]
    return np.concatenate([np.stack(columns, axis=1), ancestry[:, :2] - 1 / 3, coefficients], axis=1)
