"""PSNR and SSIM: known answers, and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation import pictures


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    smooth = np.linspace(0, 200, 24 * 20 * 3).reshape(24, 20, 3)
    first = np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
    second = np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
    return first, second


def slow_ssim(first, second):
    """Wang et al. 2004, eqs. 13-16 of one channel, window by window."""
    offset = np.arange(11) - 5
    weights = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for row in range(first.shape[0] - 10):
        for column in range(first.shape[1] - 10):
            a = first[row : row + 11, column : column + 11].astype(float)
            b = second[row : row + 11, column : column + 11].astype(float)
            ma, mb = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
            vab = (weights * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(values)


def test_ssim_is_the_papers(pair):
    first, second = pair
    channels = [slow_ssim(first[..., k], second[..., k]) for k in range(3)]
    assert pictures.ssim(first, second) == pytest.approx(np.mean(channels), abs=1e-9)
    grey = [picture @ [0.299, 0.587, 0.114] for picture in pair]
    assert pictures.ssim(first, second, "luma") == pytest.approx(slow_ssim(*grey), abs=1e-9)
    cut = [picture[3:-3, 3:-3] for picture in grey]
    assert pictures.ssim(first, second, "luma", border=3) == pytest.approx(slow_ssim(*cut), abs=1e-9)


def test_ssim_of_two_flat_pictures_is_the_luminance_term():
    a, b, c1 = 100.0, 150.0, (0.01 * 255) ** 2
    first, second = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 150, np.uint8)
    assert pictures.ssim(first, second) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


@pytest.mark.parametrize("step", [1, 16, 255])
def test_psnr_of_a_constant_error(step):
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), step, np.uint8)
    for channel in pictures.CHANNELS:
        assert pictures.psnr(grey, black, channel) == pytest.approx(20 * np.log10(255 / step))
    # uint8 must not wrap round: both orders are equal.
    assert pictures.psnr(black, grey) == pictures.psnr(grey, black)


def test_rgb_psnr_is_one_mean_over_the_channels_and_luma_weighs_them():
    black, red = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 100
    assert pictures.psnr(red, black) == pytest.approx(10 * np.log10(255**2 / (100**2 / 3)))
    assert pictures.psnr(red, black, "luma") == pytest.approx(20 * np.log10(255 / 29.9))


def test_the_border_is_cut():
    first = np.full((20, 20, 3), 50, np.uint8)
    second = first.copy()
    second[:2] = 255
    assert np.isfinite(pictures.psnr(first, second, border=1))
    assert pictures.psnr(first, second, border=2) == np.inf
    assert pictures.ssim(first, second, border=2) == 1.0


def test_masked_measures_look_at_the_mask_alone(pair):
    first, second = pair
    whole = np.ones(first.shape[:2], bool)
    assert pictures.masked_ssim(first, second, whole) == pytest.approx(pictures.ssim_map(first, second).mean())
    assert pictures.masked_psnr(first, second, whole) == pytest.approx(pictures.psnr(first, second))
    half = whole.copy()
    half[:, 10:] = False
    spoilt = second.copy()
    spoilt[:, 16:] = 0  # beyond the reach of any window of the mask
    assert pictures.masked_ssim(first, spoilt, half) == pytest.approx(pictures.masked_ssim(first, second, half))
    assert pictures.masked_psnr(first, spoilt, half) == pictures.masked_psnr(first, second, half)


def test_bad_pictures_are_named():
    good = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(BadInput, match="uint8 pixels in 0-255, got float64"):
        pictures.psnr(good / 255, good)
    with pytest.raises(BadInput, match="different sizes"):
        pictures.ssim(good, good[:12])
    with pytest.raises(BadInput, match="at least 11 x 11 pixels, got 16 x 10"):
        pictures.ssim(good[:10], good[:10])
    with pytest.raises(BadInput, match="leave nothing"):
        pictures.psnr(good, good, border=8)
    with pytest.raises(BadInput, match="wanted one of rgb, luma"):
        pictures.psnr(good, good, "y")
    with pytest.raises(BadInput, match="mask: is empty"):
        pictures.masked_ssim(good, good, np.zeros((16, 16), bool))
    with pytest.raises(BadInput, match="mask: wanted bool"):
        pictures.masked_psnr(good, good, np.ones((9, 9), bool))
    with pytest.raises(BadInput, match="shape"):
        pictures.psnr(good[..., :2], good[..., :2])


def test_what_lies_beside_an_area_does_not_count(pair):
    first, second = pair
    area = np.zeros(first.shape[:2], bool)
    area[:19, :19] = True
    assert pictures.inner_scores(first, second, area) == (None, None)
    area[:] = True
    structure, noise = pictures.inner_scores(first, second, area)
    inner = np.s_[pictures.MARGIN : -pictures.MARGIN, pictures.MARGIN : -pictures.MARGIN]
    assert structure == pytest.approx(pictures.ssim(first, second, "luma"))
    assert noise == pytest.approx(pictures.psnr(first[inner], second[inner]))
