"""A dark or red border of the seen skin is not carried on over the rest of the head."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.fill import complete, palette_of
from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.skin.rims import without_rims
from maquette.texturing.head.tones import HAIR_SPREAD, SKIN_SPREAD, Tones, lab_of

SKIN = np.array([200.0, 160.0, 140.0], np.float32)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 256)


def face(layers: Layers, factor: tuple[float, float, float], masked: bool = False) -> tuple[Baked, np.ndarray]:
    """A face whose seen skin ends in a strip of another colour, and where that strip is."""
    seen = (layers.zones["plain"] > 0.5).astype(np.uint8)
    seen[layers.zones["inner"] > 0.3] = 1
    if masked:
        seen[layers.skin.spread(layers.model.mean)[..., 1] < -0.02] = 0
    inward = cv2.distanceTransform(seen, cv2.DIST_L2, 5)
    strip = (inward > 0) & (inward <= 5)
    colour = np.broadcast_to(SKIN, (*seen.shape, 3)).copy()
    colour[strip] *= np.array(factor, np.float32)
    tone = lab_of(SKIN.reshape(1, 1, 3))[0, 0]
    tones = Tones(tone, SKIN_SPREAD, lab_of(0.4 * SKIN.reshape(1, 1, 3))[0, 0], HAIR_SPREAD, 0.0)
    one = np.ones(seen.shape, np.float32)
    large = np.rint(colour).astype(np.uint8)
    return Baked(large, colour, seen.astype(np.float32), 0 * one, one, tones), strip


@pytest.mark.parametrize(("factor", "masked"), [((0.45, 0.45, 0.45), False), ((1.0, 0.7, 0.7), True)])
def test_a_rim_of_another_colour_is_dropped_and_does_not_spread(layers: Layers, factor, masked: bool) -> None:
    seen, strip = face(layers, factor, masked)
    zones = layers.zones
    rim = strip & (np.maximum(zones["beside"], zones["below"]) > 0.9) & (zones["hairline"] < 0.05)
    rim &= np.maximum.reduce([zones[k] for k in ("brows", "edge", "middle", "inner")]) < 0.02
    assert rim.sum() > 50
    assert without_rims(seen, layers).trust[rim].mean() < 0.2 * seen.trust[rim].mean()
    texture, confidence = complete(seen, layers, palette_of(seen))
    assert np.abs(texture[rim].mean(axis=0) - SKIN).max() < 16
    assert confidence[rim].mean() < 0.3, "what is made up is not believed"


def test_a_shadow_that_is_no_hair_stays(layers: Layers) -> None:
    seen, _ = face(layers, (0.45, 0.45, 0.45))
    assert seen.tones is not None
    assert without_rims(replace(seen, tones=replace(seen.tones, hair=None)), layers).trust is seen.trust


def test_skin_of_one_colour_and_a_dark_mouth_stay(layers: Layers) -> None:
    seen, _ = face(layers, (1.0, 1.0, 1.0))
    assert np.abs(without_rims(seen, layers).trust - seen.trust).max() < 1e-3
    dark = seen.coarse.copy()
    dark[layers.zones["middle"] > 0.5] *= 0.3
    kept = without_rims(replace(seen, coarse=dark), layers).trust
    middle = layers.zones["middle"] > 0.6
    assert (kept[middle] >= 0.85 * seen.trust[middle]).mean() > 0.99


def test_a_photo_without_skin_is_left_alone(layers: Layers) -> None:
    seen, _ = face(layers, (1.0, 1.0, 1.0))
    none = replace(seen, trust=0 * seen.trust)
    assert without_rims(none, layers) is none
