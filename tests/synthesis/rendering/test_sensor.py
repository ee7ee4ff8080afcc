"""What a sensor does to light of a known amount."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.synthesis.rendering.sensor import FULL_WELL, MIDDLE_GREY, Sensor, develop, draw_sensor, encode

CLEAN = 1e-4  # gain without visible noise


def linear(coded):
    value = np.asarray(coded, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def patch(side=64, value=0.7):
    return np.full((side, side, 3), value, np.float32)


def photo(radiance, seed=0, **settings):
    everything = np.ones(radiance.shape[:2], bool)
    return develop(radiance, everything, Sensor(**{"gain": CLEAN} | settings), np.random.default_rng(seed))


def test_known_values_of_srgb():
    assert encode(np.array([0, 0.0031308, 0.18, 0.5, 0.8])).tolist() == [0, 10, 118, 188, 231]
    codes = np.arange(232)
    assert np.array_equal(encode(linear(codes)), codes)  # IEC 61966-2-1 and back, below the shoulder


def test_highlights_roll_off_and_never_fall():
    coded = encode(np.linspace(0, 8, 4000)).astype(int)
    assert (np.diff(coded) >= 0).all() and coded.max() == 255 and encode(np.array([0.9]))[0] < 244


@pytest.mark.parametrize("value", [0.02, 0.7, 30.0])
def test_the_subject_comes_out_middle_grey(value):
    assert linear(photo(patch(value=value))).mean() == pytest.approx(MIDDLE_GREY, rel=0.02)


@pytest.mark.parametrize("stops", [-1, -2, -3, 1])
def test_a_stop_halves_the_light(stops):
    found = linear(photo(patch(), exposure=stops)).mean()
    assert found == pytest.approx(MIDDLE_GREY * 2.0**stops, rel=0.04)


@pytest.mark.parametrize("gain", [10, 40])
def test_noise_has_the_variance_of_counted_light(gain):
    # Photons: signal / well; reading: 2.5 electrons (EMVA 1288, with one gain for both).
    well = FULL_WELL / gain
    seen = linear(photo(patch(300), gain=gain))
    assert seen.var() == pytest.approx(MIDDLE_GREY / well + (2.5 / well) ** 2, rel=0.05)
    assert seen.mean() == pytest.approx(MIDDLE_GREY, rel=0.02)


def test_jpeg_loses_little_at_high_quality_and_more_at_low():
    rng = np.random.default_rng(0)
    scene = np.clip(0.3 + 0.1 * rng.normal(size=(64, 64, 1)).cumsum(0), 0.02, 1).astype(np.float32).repeat(3, axis=2)
    plain = photo(scene).astype(float)
    error = [np.abs(photo(scene, jpeg=q) - plain).mean() for q in (95, 60, 20)]
    assert 0 < error[0] < 3 and error[0] < error[1] < error[2]


def test_defocus_shake_and_small_pictures_take_detail_away():
    scene = patch(96, 0.2)
    scene[:, ::2] = 1.0
    sharp = photo(scene).astype(float).std()
    for settings in ({"defocus": 2.0}, {"motion": (9.0, 0.0)}, {"shrink": 4.0}):
        soft = photo(scene, **settings)
        assert soft.shape == scene.shape and soft.astype(float).std() < 0.4 * sharp


def test_white_balance_and_contrast():
    red = linear(photo(patch(), balance=(1.2, 1.0, 0.8))).mean(axis=(0, 1))
    assert np.allclose(red / red[1], [1.2, 1, 0.8], rtol=0.03)
    assert linear(photo(patch(), curve=1.5)).mean() == pytest.approx(MIDDLE_GREY**1.5, rel=0.03)


def test_the_same_seed_takes_the_same_photograph():
    first, second, third = (photo(patch(), seed, gain=50, jpeg=70) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes() != third.tobytes()


def test_drawn_sensors_are_mostly_good_and_sometimes_bad():
    rng = np.random.default_rng(0)
    sensors = [draw_sensor(rng, 256) for _ in range(500)]
    exposure = np.array([s.exposure for s in sensors])
    assert 0.1 < (exposure < -1).mean() < 0.3 and exposure.min() > -4.1 and abs(np.median(exposure)) < 0.4
    assert 0.1 < np.mean([s.shrink > 1.05 for s in sensors]) < 0.3
    assert all(s.jpeg == 0 or 25 <= s.jpeg <= 95 for s in sensors)
