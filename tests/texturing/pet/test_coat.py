"""The coat carried on."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.pet import coat
from maquette.texturing.texels import texels_of

SIZE = 256


@pytest.fixture(scope="module")
def texels(seen):
    return texels_of(seen[0].shape, SIZE)


def laid(cat, texels, before, level, seed=0):
    """Colours (N, 3) with the coat, from a texture (S, S, 3) or (3,) and its confidence (S, S) or one number."""
    colours = np.broadcast_to(np.asarray(before, np.float32), (SIZE, SIZE, 3))[texels.inside].copy()
    coat.lay_coat(cat, colours, np.broadcast_to(np.float32(level), (SIZE, SIZE))[texels.inside], texels, seed)
    return colours


def test_what_is_seen_stays(cat, texels):
    assert (laid(cat, texels, 120, 255) == 120).all()


def test_without_a_photo_there_are_hairs_and_the_mean_stays(cat, texels):
    made = laid(cat, texels, 120, 0)
    assert abs(made.mean() - 120) < 2 and 0.5 < made.std() < 12


def test_the_same_seed_gives_the_same(cat, texels):
    first, again, other = (laid(cat, texels, 120, 0, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_contrast_survives_blending():
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, 100_000, 1))
    for share in (0.0, 0.3, 0.5, 1.0):
        assert coat._mixed(a, b, np.full((100_000, 1), share)).std() == pytest.approx(1, abs=0.02)


def test_places_are_folded_back_into_their_patch():
    centres = np.tile([[300, 500]], (1000, 1))
    at = np.random.default_rng(0).uniform(-900, 1500, (1000, 2))
    folded = coat._folded(at, centres)
    half = np.array([coat.PATCH * coat.GRID[1] / (2 * np.pi), coat.PATCH * coat.ROWS])
    assert (np.abs(folded - [500, 300]) <= half + 1e-3).all()
    inside = (np.abs(at - [500, 300]) < half).all(axis=1)
    assert np.allclose(folded[inside], at[inside], atol=1e-3)


def test_wide_smoothing_is_like_narrow_smoothing_made_wide():
    values = np.random.default_rng(0).random((96, 192)).astype(np.float32)
    wide = coat._blur(values, 20.0)
    assert abs(wide.mean() - values.mean()) < 0.01 and wide.std() < 0.1 * values.std()
    shifted = coat._blur(np.roll(values, 50, axis=1), 20.0)
    assert np.abs(np.roll(wide, 50, axis=1) - shifted).max() < 0.02  # it goes on around itself


def test_texels_at_once_do_not_matter(cat, texels, monkeypatch):
    level = np.where(np.arange(SIZE)[None, :] < 140, 255.0, 0.0) * np.ones((SIZE, 1))
    photo = np.random.default_rng(0).uniform(60, 200, (SIZE, SIZE, 3))
    whole = laid(cat, texels, photo, level)
    monkeypatch.setattr(coat, "AT_ONCE", 1000)
    assert np.abs(laid(cat, texels, photo, level) - whole).max() < 0.01


def test_a_coat_of_two_colours_gives_no_spots(cat, texels):
    top = np.linspace(1, 0, 256)[:, None] > 0.6
    texture = np.where(top[..., None], 230, 30).astype(np.uint8) * np.ones((256, 256, 3), np.uint8)
    confidence = np.where(np.arange(256)[None, :] < 140, 255, 0) * np.ones((256, 1))
    made = laid(cat, texels, texture, confidence)
    away = np.abs(made - texture[texels.inside])[confidence[texels.inside] == 0]
    assert np.quantile(away, 0.95) < 1.5 * coat.BOUND
