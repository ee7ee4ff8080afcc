"""Making pictures smaller: known answers, every kernel keeps the place and the brightness."""

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.imaging.degrade import KERNELS, Degradation, degraded, draw_degradation


def rng():
    return np.random.default_rng(0)


def test_area_is_the_mean_of_each_block():
    pixels = rng().integers(0, 256, (12, 8, 3), np.uint8)
    small = degraded(pixels, 4, Degradation("area"), rng())
    blocks = pixels.reshape(3, 4, 2, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() <= 0.5


def test_bilinear_is_the_mean_of_the_four_pixels_at_the_centre():
    pixels = rng().integers(0, 256, (12, 8, 3), np.uint8)
    small = degraded(pixels, 4, Degradation("bilinear"), rng())
    middle = pixels.reshape(3, 4, 2, 4, 3)[:, 1:3, :, 1:3].mean(axis=(1, 3))
    assert np.abs(small - middle).max() <= 0.5


def test_bilinear_samples_the_full_picture():
    full = np.zeros((64, 64, 3), np.uint8)
    full[::2] = 255  # lines that averaging turns grey and four neighbours as well, but eight apart they alias
    full[::8] = 0
    reference = np.full((16, 16, 3), 120, np.uint8)
    small = degraded(reference, 2, Degradation("bilinear"), rng(), full)
    assert small.shape == (8, 8, 3) and small.max() != 120


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("factor", [2, 4])
def test_a_ramp_stays_in_place(kernel, factor):
    """Pixel centres at + 0.5: the small picture of a ramp is the ramp at the small pixels' centres."""
    ramp = np.repeat(np.repeat(np.arange(0, 192, 2)[None, :, None], 32, 0), 3, 2).astype(np.uint8)
    small = degraded(ramp, factor, Degradation(kernel), rng())
    centres = 2 * ((np.arange(96 // factor) + 0.5) * factor - 0.5)
    inner = slice(4, -4)
    assert np.abs(small[0, inner, 0] - centres[inner]).max() <= 1


def test_noise_and_jpeg_do_what_they_say():
    grey = np.full((256, 256, 3), 128, np.uint8)
    noisy = degraded(grey, 2, Degradation(noise=5.0), rng())
    assert noisy.std() == pytest.approx(5, rel=0.05) and noisy.mean() == pytest.approx(128, abs=0.2)
    picture = rng().integers(0, 256, (64, 64, 3), np.uint8)
    clean = degraded(picture, 2, Degradation(), rng()).astype(float)
    errors = [np.abs(degraded(picture, 2, Degradation(jpeg=q), rng()) - clean).mean() for q in (95, 50)]
    assert 0 < errors[0] < errors[1]


def test_draws_are_a_function_of_the_seed_and_half_of_them_clean():
    draws = [draw_degradation(np.random.default_rng([3, k]), 4) for k in range(400)]
    assert draws == [draw_degradation(np.random.default_rng([3, k]), 4) for k in range(400)]
    clean = np.mean([d == Degradation(d.kernel) for d in draws])
    assert 0.45 < clean < 0.65 and {d.kernel for d in draws} == set(KERNELS)
    assert any(d.blur and d.noise and d.jpeg for d in draws)


def test_wrong_words_are_refused():
    with pytest.raises(BadInput, match="wanted area, bilinear"):
        Degradation("box")
    with pytest.raises(BadInput, match="divisible by 4"):
        degraded(np.zeros((10, 8, 3), np.uint8), 4, Degradation(), rng())
