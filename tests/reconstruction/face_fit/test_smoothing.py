"""Smoothing: jitter goes, blinks stay, nothing lags."""

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.motion import HeadMotion
from maquette.reconstruction.face_fit.smoothing import _banded, _second_differences, pieces, smoothed, tuned

TIMES = np.arange(120) / 30
MOST = np.array([0.03])


def motion_of(count=60, seed=0):
    random = np.random.default_rng(seed)
    turns = np.tile([1.0, 0, 0, 0], (count, 1)) + random.normal(0, 0.002, (count, 4))
    return HeadMotion(
        times=np.arange(count) / 30,
        frames=np.arange(count),
        rotations=turns / np.linalg.norm(turns, axis=1, keepdims=True),
        translation=np.array([0, 0, -0.6]) + random.normal(0, 0.001, (count, 3)),
        expression=np.clip(0.3 + random.normal(0, 0.01, (count, 5)), 0, 1),
        gaze=random.normal(0, 0.01, (count, 2, 2)),
        focal=900.0,
        size=(1280, 720),
        opening=0.35 + random.normal(0, 0.004, (count, 2)),
        trust=np.ones(count),
        reprojection=np.ones(count),
    )


def jitter(values):
    return np.abs(np.diff(values, 2, axis=0)).mean()


def test_a_line_stays_a_line_at_uneven_times():
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.06, 50))
    line = (3 * times - 1)[:, None]
    assert np.abs(smoothed(times, line, 0.05, MOST) - line).max() < 1e-9


def test_noise_goes_and_a_blink_of_two_frames_keeps_its_peak_and_its_moment():
    clean = np.zeros((120, 1))
    clean[60], clean[61] = 1.0, 0.6
    noisy = clean + np.random.default_rng(0).normal(0, 0.02, clean.shape)
    found = smoothed(TIMES, noisy, 0.052, MOST)
    assert found.argmax() == 60 and found.max() > 0.95
    assert jitter(found[:50]) < 0.25 * jitter(noisy[:50])


def test_nothing_lags():
    values = np.random.default_rng(2).normal(0, 0.02, (80, 1)) + np.sin(np.arange(80) / 6)[:, None]
    there = smoothed(TIMES[:80], values, 0.05, MOST)
    back = smoothed(TIMES[:80], values[::-1], 0.05, MOST)[::-1]
    assert np.abs(there - back).max() < 1e-9


def test_the_banded_system_is_the_dense_one():
    random = np.random.default_rng(3)
    times = np.cumsum(random.uniform(0.5, 1.5, 12))
    rows, free, weight = _second_differences(times), random.uniform(0, 1, 10), random.uniform(0.1, 1, 12)
    bend = np.zeros((10, 12))
    for k in range(10):
        bend[k, k : k + 3] = rows[:, k]
    dense, bands = np.diag(weight) + bend.T @ np.diag(free) @ bend, _banded(rows, free, weight)
    for below in range(3):
        assert np.allclose(np.diagonal(dense, -below), bands[below][: 12 - below])


def test_zero_seconds_change_nothing():
    raw = motion_of()
    same = tuned(0.0)(raw, np.zeros(60, int))
    assert np.array_equal(same.expression, raw.expression) and np.allclose(same.rotations, raw.rotations)


def test_a_still_head_is_stiller_and_stays_a_motion():
    raw = motion_of()
    even = tuned(0.02)(raw, np.zeros(60, int))
    for name in ("rotations", "translation", "expression", "gaze", "opening"):
        assert jitter(getattr(even, name)) < 0.5 * jitter(getattr(raw, name)), name
    assert np.allclose(np.linalg.norm(even.rotations, axis=1), 1)


def test_a_cut_and_a_gap_part_the_motion():
    times = np.array([0, 1, 2, 3, 30, 31, 32], float)
    assert [(p.start, p.stop) for p in pieces(times, np.array([0, 0, 1, 1, 1, 1, 1]))] == [(0, 2), (2, 4), (4, 7)]
    raw = motion_of()
    jump = np.where(np.arange(60) < 30, 0.1, 0.9)[:, None] * np.ones(5)
    cut = tuned(0.05)(replace(raw, expression=jump), np.repeat([0, 1], 30))
    assert np.abs(cut.expression - jump).max() < 1e-9


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames_stay_as_they_are(count):
    raw = motion_of(count)
    assert np.allclose(tuned(0.02)(raw, np.zeros(count, int)).expression, raw.expression)
