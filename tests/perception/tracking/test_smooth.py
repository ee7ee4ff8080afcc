"""Smoothing in time: no lag, no jitter, gaps filled, outliers passed over."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.tracking import smooth
from maquette.perception.tracking.smooth import OneEuro, RectStream, smooth_points, smooth_rects

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
        slope, level = np.polyfit(times - times[k], values, 1, w=np.sqrt(weights))
        assert found[k] == pytest.approx(level, abs=1e-2)


def test_long_clips_are_done_in_blocks(monkeypatch):
    generator = np.random.default_rng(0)
    times, values = uneven(generator), generator.normal(size=(90, 2))
    whole = smooth.smooth(times, values, 0.1)
    monkeypatch.setattr(smooth, "BANDWIDTH_CELLS", 500)
    assert np.allclose(whole, smooth.smooth(times, values, 0.1), atol=1e-3)


def test_one_crop_rule_for_a_track():
    assert smooth.one_rule(np.array([True] * 6 + [False] * 4)) is True
    assert smooth.one_rule(np.array([True] * 4 + [False] * 6)) is False
    assert smooth.one_rule(np.array([True, False]), np.array([0.1, 0.9])) is False
    stream = RectStream()
    assert [stream.rule(seen) for seen in (True, False, False)] == [True] * 3


def test_gaps_of_key_points_are_filled_up_to_a_limit():
    truth = np.stack([np.stack([100 * TIMES, 50 * TIMES], 1)] * 3, axis=1)
    points, sure = truth.copy(), np.full((90, 3), 0.9)
    for key, gap in ((0, slice(40, 48)), (1, slice(30, 70)), (2, slice(0, 10))):
        points[gap, key], sure[gap, key] = 999.0, 0.1
    smoothed = smooth_points(TIMES, points, sure, 0.05, limit=0.5)
    assert np.array_equal(np.flatnonzero(smoothed.filled[:, 0]), np.arange(40, 48))
    assert not smoothed.filled[:, 1:].any()
    assert np.allclose(smoothed.points[:, 0], truth[:, 0], atol=1e-6)
    assert np.allclose(smoothed.points[70:, 1], truth[70:, 1], atol=1e-6)
    assert (smoothed.points[30:70, 1] == 999).all() and (smoothed.confidence[30:70, 1] == 0.1).all()
    assert np.allclose(smoothed.confidence[40:48, 0], 0.45)
    assert points[40, 0, 0] == 999.0  # the argument is as it was


def test_key_points_are_smoothed_by_confidence():
    generator = np.random.default_rng(0)
    truth = np.tile([320.0, 240.0], (90, 1, 1))
    points, sure = truth + generator.normal(0, 2, truth.shape), np.full((90, 1), 0.95)
    doubtful = generator.random(90) < 0.2
    points[doubtful] += 25
    sure[doubtful] = 0.35
    smoothed = smooth_points(TIMES, points, sure, 0.1).points
    equal = smooth_points(TIMES, points, np.full((90, 1), 0.95), 0.1).points
    assert rms(smoothed - truth) < 0.6 * rms(equal - truth) and rms(smoothed - truth) < rms(points - truth) / 3


def test_never_seen_key_points_stay():
    points = np.random.default_rng(0).normal(size=(20, 2, 3))
    smoothed = smooth_points(TIMES[:20], points, np.zeros((20, 2)), 0.1)
    assert np.array_equal(smoothed.points, points) and not smoothed.filled.any()


def test_the_stream_is_calm_at_rest_and_quick_in_motion():
    generator = np.random.default_rng(0)
    still = np.array([400.0, 200, 500, 500]) + generator.normal(0, 3, (150, 4)) * [1, 1, 0, 0]
    stream = RectStream()
    calm = np.array([stream.step(k / RATE, rect) for k, rect in enumerate(still)])
    assert rms(np.diff(calm[30:], axis=0)) < 1
    times = np.arange(90) / RATE
    moving = np.stack([100 + 600 * times, 0 * times, 500 + 0 * times, 500 + 0 * times], axis=1)
    stream = RectStream()
    behind = moving - np.array([stream.step(t, rect) for t, rect in zip(times, moving)])
    assert behind[30:, 0].mean() / (600 / RATE) < 1  # frames


def test_one_euro_takes_uneven_and_repeated_times():
    plain = OneEuro(2.0, 0.0)
    values = [plain.step(t, np.array([1.0 if t > 0 else 0.0])).item() for t in (0.0, 0.1, 0.1, 0.5, 5.0)]
    assert values[0] == 0 and values[1] == values[2] and values == sorted(values) and values[-1] > 0.99
