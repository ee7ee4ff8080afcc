"""What is invented is as uneven as the skin that is seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import NOISE_UNIT, Layers, layers_of
from maquette.texturing.head.skin.grain import LIMITS, SHARE, blotches, grain_levels, mottled, spreads, tiles_of


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def skin(layers: Layers, uneven: np.ndarray) -> Baked:
    """A photo of skin that is seen everywhere and varies by (H, W) 8-bit levels."""
    colour = np.clip(np.rint(np.array([190, 150, 130]) + uneven[..., None]), 0, 255).astype(np.uint8)
    one = np.ones(layers.ambient.shape, np.float32)
    return Baked(colour, colour[: one.shape[0], : one.shape[1]].astype(np.float32), one, 0 * one, one, None)


def test_grain_is_as_strong_as_the_photos(layers: Layers) -> None:
    rng = np.random.default_rng(1)
    seen = skin(layers, 14 * cv2.GaussianBlur(rng.normal(0, 1, (layers.rows, layers.size)), (0, 0), 2.5))
    levels = grain_levels(seen, layers)
    made = np.tensordot(levels, layers.grain.astype(float), 1) / NOISE_UNIT
    tiles = tiles_of(layers.zones["plain"] * layers.fine)
    wanted = np.median(spreads(seen.colour[..., 1], tiles, layers), axis=0)
    found = np.median(spreads(made, tiles, layers), axis=0)
    assert np.linalg.norm(found) == pytest.approx(SHARE * np.linalg.norm(wanted), rel=0.25)


def test_smooth_photos_have_smooth_fills_and_none_has_noise_beyond_skin(layers: Layers) -> None:
    flat = skin(layers, np.zeros((layers.rows, layers.size)))
    assert (grain_levels(flat, layers) == LIMITS[0]).all()
    assert np.abs(mottled(flat, layers)).max() < 0.2
    rng = np.random.default_rng(2)
    noisy = skin(layers, rng.normal(0, 60, (layers.rows, layers.size)))
    assert (grain_levels(noisy, layers) <= LIMITS[1]).all()


def test_blotches_of_the_photo_are_found_and_red_stays_red(layers: Layers) -> None:
    rng = np.random.default_rng(3)
    seen = skin(layers, np.zeros((layers.rows, layers.size)))
    red = np.kron(rng.normal(0, 14, (layers.rows // 8 + 1, layers.size // 8)), np.ones((8, 8)))[: len(seen.coarse)]
    seen.coarse[..., 0] += red
    seen.coarse[..., 1:] -= red[..., None] / 2
    found = mottled(seen, layers)
    assert np.abs(found.mean(axis=2)).max() < 0.3, "as grey as before"
    assert 0.5 < (found[..., 0] - found[..., 1]).std() < 12


def test_blotches_are_measured_on_skin_only(layers: Layers) -> None:
    weight = (layers.zones["plain"] > 0.5).astype(np.float32)
    image = np.where(weight > 0, 100, 255).astype(np.float32)
    inside = cv2.erode(weight, np.ones((3, 3)))
    found = blotches(np.dstack([image, image]), inside)
    assert len(found) > 50 and found.max() < 0.01


def test_little_skin_says_nothing(layers: Layers) -> None:
    seen = skin(layers, np.zeros((layers.rows, layers.size)))
    seen.trust[:] = 0
    assert (mottled(seen, layers) == 0).all()
    assert np.isfinite(grain_levels(seen, layers)).all()
