"""Smoothing in time: no lag, no jitter, missing frames filled, outliers passed over."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.tracking import smooth
from maquette.perception.tracking.smooth import smooth_rects

RATE = 30
TIMES = np.arange(90) / RATE


def uneven(generator) -> np.ndarray:
    return np.cumsum(generator.uniform(0.01, 0.08, 90))


def centres(rects):
    return rects[:, :2] + rects[:, 2:] / 2


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


def test_a_static_person_jitters_less_than_a_pixel():
    noise = np.random.default_rng(0).normal(0, 3, (90, 4))
    noise[:, 2:] = np.abs(noise[:, 2:])
    rects = np.array([400.0, 200, 500, 500]) + noise
    smoothed = smooth_rects(TIMES, rects)
    assert rms(smoothed - smoothed.mean(axis=0)) < 1
    assert rms(np.diff(smoothed, axis=0)) < 0.5 < rms(np.diff(rects, axis=0))


def test_jitter_of_key_points_through_the_crop():
    """3 pixels of noise on each key point of a standing person; the rect is that of their bounding box."""
    generator = np.random.default_rng(1)
    body = generator.uniform([100, 50], [300, 650], (33, 2))
    points = body + generator.normal(0, 3, (90, 33, 2))
    low, high = points.min(axis=1), points.max(axis=1)
    radius = 0.65 * (high - low).max(axis=1)
    centre = (low + high) / 2
    rects = np.concatenate([centre - radius[:, None], np.repeat(2 * radius[:, None], 2, 1)], axis=1)
    smoothed = smooth_rects(TIMES, rects)
    assert rms(smoothed - smoothed.mean(axis=0)) < 1 and rms(np.diff(smoothed, axis=0)) < 0.5
    assert np.allclose(smoothed[:, 2], smoothed[:, 3])


@pytest.mark.parametrize("times", [TIMES, uneven(np.random.default_rng(3))], ids=["even", "uneven"])
def test_steady_motion_does_not_lag_at_all(times):
    centre = 100 + 300 * times
    rects = np.stack([centre - 50, 40 + 0 * times, 100 + 0 * times, 100 + 0 * times], axis=1)
    assert np.allclose(smooth_rects(times, rects), rects, atol=1e-6)


def test_a_person_who_walks_to_and_fro_lags_less_than_a_frame():
    x = 600 + 250 * np.sin(2 * np.pi * TIMES / 2.0)
    rects = np.stack([x - 150, 0 * x, 300 + 0 * x, 300 + 0 * x], axis=1)
    noisy = rects + np.random.default_rng(0).normal(0, 3, rects.shape) * [1, 1, 0, 0]
    smoothed = centres(smooth_rects(TIMES, noisy))[:, 0]
    assert abs(lag(x, smoothed)) < 0.2
    assert np.abs(smoothed - x).max() < 40  # a tenth of the crop's side


def lag(truth, signal) -> float:
    """Frames by which the signal is behind, at the best correlation."""
    shifts = np.linspace(-4, 4, 161)
    frames = np.arange(len(truth))
    inner = slice(8, -8)
    errors = [np.var(np.interp(frames - s, frames, truth)[inner] - signal[inner]) for s in shifts]
    return float(shifts[int(np.argmin(errors))])


def test_it_is_the_same_backwards():
    rects = np.array([400.0, 200, 500, 500]) + np.random.default_rng(0).normal(0, 5, (90, 4))
    forward, backward = smooth_rects(TIMES, rects), smooth_rects(-TIMES[::-1], rects[::-1])[::-1]
    assert np.allclose(forward, backward)


def test_one_wild_rect_is_passed_over():
    rects = np.tile(np.array([400.0, 200, 500, 500]), (60, 1)) + np.random.default_rng(0).normal(0, 1, (60, 4))
    wild = rects.copy()
    wild[30] = [900, 100, 900, 900]
    assert np.abs(smooth_rects(TIMES[:60], wild) - smooth_rects(TIMES[:60], rects)).max() < 6


def test_missing_frames_are_filled():
    rects = np.stack([100 + 200 * TIMES, 50 + 0 * TIMES, 80 + 0 * TIMES, 80 + 0 * TIMES], axis=1)
    known = np.r_[0:30, 60:90]
    filled = smooth_rects(TIMES[known], rects[known], at=TIMES)
    assert np.allclose(filled, rects, atol=1.0)


def test_single_and_unsmoothed_rects():
    one = np.array([[10.0, 20, 30, 40]])
    assert np.allclose(smooth_rects(np.array([0.0]), one), one)
    many = np.random.default_rng(0).uniform(10, 20, (9, 4))
    assert np.allclose(smooth_rects(TIMES[:9], many, width=0.0), many)


def test_local_lines_against_the_formula():
    generator = np.random.default_rng(0)
    times, values, trust = uneven(generator), generator.normal(size=90), generator.uniform(0.1, 1, 90)
    found = smooth.smooth(times, values, 0.1, trust)
    for k in (0, 40, 89):
        weights = np.exp(-0.5 * ((times - times[k]) / 0.1) ** 2) * trust
        _, level = np.polyfit(times - times[k], values, 1, w=np.sqrt(weights))
        assert found[k] == pytest.approx(level, abs=1e-2)


def test_long_clips_are_done_in_blocks(monkeypatch):
    generator = np.random.default_rng(0)
    times, values = uneven(generator), generator.normal(size=(90, 2))
    whole = smooth.smooth(times, values, 0.1)
    monkeypatch.setattr(smooth, "BANDWIDTH_CELLS", 500)
    assert np.allclose(whole, smooth.smooth(times, values, 0.1), atol=1e-3)
