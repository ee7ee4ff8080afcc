"""PSNR and SSIM: known answers, a slow twin of SSIM straight from the paper, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks import images


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
    assert images.ssim(first, second) == pytest.approx(np.mean(channels), abs=1e-9)
    grey = [picture @ [0.299, 0.587, 0.114] for picture in pair]
    assert images.ssim(first, second, "luma") == pytest.approx(slow_ssim(*grey), abs=1e-9)
    cut = [picture[3:-3, 3:-3] for picture in grey]
    assert images.ssim(first, second, "luma", border=3) == pytest.approx(slow_ssim(*cut), abs=1e-9)


def test_ssim_of_two_flat_pictures_is_the_luminance_term():
    a, b, c1 = 100.0, 150.0, (0.01 * 255) ** 2
    first, second = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 150, np.uint8)
    assert images.ssim(first, second) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


@pytest.mark.parametrize("step", [1, 16, 255])
def test_psnr_of_a_constant_error(step):
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), step, np.uint8)
    for channel in images.CHANNELS:
        assert images.psnr(grey, black, channel) == pytest.approx(20 * np.log10(255 / step))
    # uint8 must not wrap round: both orders are equal.
    assert images.psnr(black, grey) == images.psnr(grey, black)


def test_rgb_psnr_is_one_mean_over_the_channels_and_luma_weighs_them():
    black, red = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 100
    assert images.psnr(red, black) == pytest.approx(10 * np.log10(255**2 / (100**2 / 3)))
    assert images.psnr(red, black, "luma") == pytest.approx(20 * np.log10(255 / 29.9))


def test_the_border_is_cut():
    first = np.full((20, 20, 3), 50, np.uint8)
    second = first.copy()
    second[:2] = 255
    assert np.isfinite(images.psnr(first, second, border=1))
    assert images.psnr(first, second, border=2) == np.inf
    assert images.ssim(first, second, border=2) == 1.0


def test_masked_measures_look_at_the_mask_alone(pair):
    first, second = pair
    whole = np.ones(first.shape[:2], bool)
    assert images.masked_ssim(first, second, whole) == pytest.approx(images.ssim_map(first, second).mean())
    assert images.masked_psnr(first, second, whole) == pytest.approx(images.psnr(first, second))
    half = whole.copy()
    half[:, 10:] = False
    spoilt = second.copy()
    spoilt[:, 16:] = 0  # beyond the reach of any window of the mask
    assert images.masked_ssim(first, spoilt, half) == pytest.approx(images.masked_ssim(first, second, half))
    assert images.masked_psnr(first, spoilt, half) == images.masked_psnr(first, second, half)


def test_bad_pictures_are_named():
    good = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(BadInput, match="uint8 pixels in 0-255, got float64"):
        images.psnr(good / 255, good)
    with pytest.raises(BadInput, match="different sizes"):
        images.ssim(good, good[:12])
    with pytest.raises(BadInput, match="at least 11 x 11 pixels, got 16 x 10"):
        images.ssim(good[:10], good[:10])
    with pytest.raises(BadInput, match="leave nothing"):
        images.psnr(good, good, border=8)
    with pytest.raises(BadInput, match="wanted one of rgb, luma"):
        images.psnr(good, good, "y")
    with pytest.raises(BadInput, match="mask: is empty"):
        images.masked_ssim(good, good, np.zeros((16, 16), bool))
    with pytest.raises(BadInput, match="mask: wanted bool"):
        images.masked_psnr(good, good, np.ones((9, 9), bool))
    with pytest.raises(BadInput, match="shape"):
        images.psnr(good[..., :2], good[..., :2])


@pytest.fixture
def folders(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path / "a", tmp_path / "b"


def save(folder, name, pixels):
    Image.fromarray(pixels).save(folder / name)


def test_folders_are_paired_by_stem(folders, pair):
    a, b = folders
    save(a, "two.png", pair[0])
    save(b, "two.bmp", pair[1])
    save(a, "one.png", pair[0])
    save(b, "one.png", pair[0])
    (a / "notes.txt").write_text("not a picture")
    table = images.evaluate_images(a, b)
    assert table.column("image") == ["one", "two", "mean"]
    assert table.column("PSNR RGB dB") == [np.inf, images.psnr(*pair), images.psnr(*pair)]
    structure = images.ssim(*pair, "luma")
    assert table.column("SSIM luma") == pytest.approx([1, structure, (1 + structure) / 2])
    assert any("identical pictures: 1" in note for note in table.notes)
    one = images.evaluate_images(a / "two.png", b / "two.bmp")
    assert one.column("PSNR RGB dB")[0] == images.psnr(*pair)


def test_bad_folders_are_named(folders, pair):
    a, b = folders
    with pytest.raises(BadInput, match="a: holds no pictures"):
        images.evaluate_images(a, b)
    with pytest.raises(BadInput, match="no such folder"):
        images.evaluate_images(a / "none", b)
    save(a, "one.png", pair[0])
    save(b, "one.png", pair[1][:15])
    with pytest.raises(BadInput, match=r"one.png: 20 x 24 pixels, wanted 20 x 15 as .*one.png"):
        images.evaluate_images(a, b)
    save(a, "two.png", pair[0])
    with pytest.raises(BadInput, match=r"2 pictures, .* 1: .*b lacks two"):
        images.evaluate_images(a, b)
    save(b, "one.jpg", pair[1])
    with pytest.raises(BadInput, match="one picture per stem"):
        images.evaluate_images(a, b)
