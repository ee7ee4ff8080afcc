"""The fill continues what lies beside it; under a mask without the shade below the eyes."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.head.fill import Palette, without_shade
from maquette.texturing.head.layers import layers_of

PALETTE = Palette(np.array([200.0, 160.0, 140.0]), np.full(3, 40.0), 1.0)


@pytest.fixture(scope="module")
def layers():
    return layers_of("maquette-head", 256)


def face(layers, seen_below: bool) -> tuple[np.ndarray, np.ndarray]:
    """Skin with a dark strip at the lower edge of what a mask leaves free, and what of it is known."""
    height = layers.skin.spread(layers.model.mean)[..., 1]
    colour = np.tile(PALETTE.skin, (*height.shape, 1))
    colour[(height < -0.008) & (height > -0.016)] *= 0.4
    known = np.ones(height.shape) if seen_below else (height > -0.016).astype(float)
    return colour, known


def test_shade_at_a_masks_edge_is_not_drawn_down(layers):
    colour, known = face(layers, seen_below=False)
    near = np.tile(0.4 * PALETTE.skin, (*known.shape, 1)).astype(np.float32)
    found = without_shade(colour, known, near, layers, PALETTE)
    cheek = (layers.zones["below"] > 0.99) & (layers.zones["lips"] < 0.01) & (known == 0)
    assert cheek.sum() > 500
    assert found[cheek].mean() > 0.9 * PALETTE.skin.mean()
    lips = layers.zones["lips"] > 0.99
    assert np.abs(found[lips] - near[lips]).max() < 2, "lips have a colour of their own"


def test_a_face_that_is_seen_stays_as_it_is(layers):
    colour, known = face(layers, seen_below=True)
    near = np.zeros((*known.shape, 3), np.float32)
    assert without_shade(colour, known, near, layers, PALETTE) is near
