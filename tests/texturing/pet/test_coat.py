"""The coat carried on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.texturing.pet import coat


def textured(made, cat, value, confidence):
    size = 256
    mesh = replace(
        made.shape, texture=np.full((size, size, 3), value, np.uint8),
        texture_confidence=np.full((size, size), confidence, np.uint8),
    )  # fmt: skip
    return mesh


def test_what_is_seen_stays(seen, cat):
    mesh = textured(seen[0], cat, 120, 255)
    assert np.array_equal(coat.with_coat(mesh, cat).texture, mesh.texture)


def test_without_a_photo_there_are_hairs_and_the_mean_stays(seen, cat):
    mesh = textured(seen[0], cat, 120, 0)
    made = coat.with_coat(mesh, cat).texture.astype(float)
    assert abs(made.mean() - 120) < 2 and 0.5 < made.std() < 12


def test_the_same_seed_gives_the_same(seen, cat):
    mesh = textured(seen[0], cat, 120, 0)
    first, again, other = (coat.with_coat(mesh, cat, seed).texture for seed in (1, 1, 2))
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


def test_a_coat_of_two_colours_gives_no_spots(seen, cat):
    mesh = textured(seen[0], cat, 120, 255)
    top = np.linspace(1, 0, 256)[:, None] > 0.6
    texture = np.where(top[..., None], 230, 30).astype(np.uint8) * np.ones((256, 256, 3), np.uint8)
    confidence = np.where(np.arange(256)[None, :] < 140, 255, 0) * np.ones((256, 1))
    two = replace(mesh, texture=texture, texture_confidence=confidence.astype(np.uint8))
    made = coat.with_coat(two, cat).texture.astype(float)
    away = np.abs(made - texture)[confidence == 0]
    assert np.quantile(away, 0.95) < 1.5 * coat.BOUND
