"""What covers the lower face, whatever its colour; and what covers none: bare faces, beards, glasses, shade."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from coverings import BELOW_NOSE, COLOURS, mask_region, with_glasses, with_mask
from maquette.core.errors import NothingFound
from maquette.perception.faces import topology
from maquette.perception.faces.coverings.region import covered_region, tone_of
from maquette.perception.faces.observe import observe
from maquette.sources import photos


def region_of(pixels, landmarks):
    return covered_region(pixels, landmarks, topology.facing(landmarks))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_mask_of_any_colour(seen, colour):
    pixels, mask = with_mask(seen.frame.pixels, seen.landmarks, COLOURS[colour])
    found = region_of(pixels, seen.landmarks)
    assert found is not None and found.shape == mask.shape and found.dtype == np.float32
    assert (found[mask > 0.5] > 0.5).mean() > 0.97
    eyes = seen.landmarks[list(topology.RIGHT_EYE + topology.LEFT_EYE + topology.FOREHEAD), :2].astype(int)
    assert found[eyes[:, 1], eyes[:, 0]].max() < 0.05


def test_a_pattern_with_skin_in_it_is_covered_as_a_whole(seen):
    height, width = seen.frame.pixels.shape[:2]
    skin = np.median(seen.frame.pixels[seen.skin > 0.9], axis=0)
    mask = mask_region((height, width), seen.landmarks)
    stripes = (np.arange(height) // 6 % 3 == 0)[:, None, None]
    cloth = np.where(stripes, skin, (30, 60, 130))
    pixels = (seen.frame.pixels * (1 - mask[..., None]) + cloth * mask[..., None]).astype(np.uint8)
    found = region_of(pixels, seen.landmarks)
    assert found is not None and (found[mask > 0.5] > 0.5).mean() > 0.95


@pytest.mark.parametrize("colour", COLOURS)
def test_a_mask_below_the_nose(seen, colour):
    pixels, mask = with_mask(seen.frame.pixels, seen.landmarks, COLOURS[colour], BELOW_NOSE)
    found = region_of(pixels, seen.landmarks)
    assert found is not None and (found[mask > 0.5] > 0.5).mean() > 0.97
    nose = seen.landmarks[[6, 197, 195, 5], :2].astype(int)
    assert found[nose[:, 1], nose[:, 0]].max() < 0.05


def test_grey_photos(seen):
    grey = np.repeat(cv2.cvtColor(seen.frame.pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert region_of(grey, seen.landmarks) is None
    for colour in ("white", "black"):
        pixels, mask = with_mask(grey, seen.landmarks, COLOURS[colour])
        found = region_of(pixels, seen.landmarks)
        assert found is not None and (found[mask > 0.5] > 0.5).mean() > 0.9, colour


@pytest.mark.parametrize("light", [0.3, 1.0, 1.4])
@pytest.mark.parametrize("cast", [(1, 1, 1), (1.25, 1, 0.8), (0.85, 1, 1.2)])
def test_a_bare_face_in_any_light(seen, light, cast):
    pixels = np.clip(seen.frame.pixels * light * np.array(cast), 0, 255).astype(np.uint8)
    assert region_of(pixels, seen.landmarks) is None


def test_half_a_face_in_shade_is_bare(seen):
    ramp = np.clip(np.linspace(-1, 2, seen.frame.pixels.shape[0]), 0.25, 1)[::-1, None, None]
    assert region_of((seen.frame.pixels * ramp).astype(np.uint8), seen.landmarks) is None


@pytest.mark.parametrize("colour", [(45, 32, 26), (120, 60, 30), (140, 138, 135), (215, 213, 208)])
def test_a_beard_is_no_mask(seen, colour):
    """Black, red, grey and white, from below the nose, with lips in it."""
    pixels, _ = with_mask(seen.frame.pixels, seen.landmarks, colour, BELOW_NOSE)
    pixels = np.clip(pixels + np.random.default_rng(0).normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)
    lips = np.round(seen.landmarks[list(topology.LIPS), :2]).astype(np.int32)
    inside = cv2.fillPoly(np.zeros(pixels.shape[:2], np.uint8), [lips], (1,))
    inside = cv2.dilate(inside, np.ones((5, 5), np.uint8)) > 0  # the skin at their rim shows too
    assert region_of(np.where(inside[..., None], seen.frame.pixels, pixels), seen.landmarks) is None


@pytest.mark.parametrize("size", [0.8, 1.0, 1.5])
def test_dark_glasses_are_no_mask(seen, size):
    assert region_of(with_glasses(seen.frame.pixels, seen.landmarks, size), seen.landmarks) is None


def test_the_commonest_colour_is_the_tone():
    rng = np.random.default_rng(0)
    colours = np.concatenate([rng.normal((0.3, -0.2, 5), 0.03, (600, 3)), rng.normal((0.0, 0.1, 3.5), 0.03, (300, 3))])
    tone = tone_of(colours)
    assert np.allclose(tone.middle, (0.3, -0.2, 5), atol=0.02)
    assert (tone.distance(colours[600:]) > 3).all() and np.median(tone.distance(colours[:600])) < 1
    assert tone_of(colours[:5]) is None


@pytest.mark.real_data
def test_real_photos_are_bare_until_a_mask_is_drawn(real_data):
    """White before skin that the light has burnt out is the one that is not seen, and does no harm."""
    missed, bare = [], []
    for path in sorted((real_data / "faces").iterdir()):
        try:
            face = observe(photos.read(path))[0]
        except NothingFound:
            continue
        bare += [path.name] * (region_of(face.frame.pixels, face.landmarks) is not None)
        for name, colour in COLOURS.items():
            pixels, mask = with_mask(face.frame.pixels, face.landmarks, colour)
            found = region_of(pixels, face.landmarks)
            if found is None or (found[mask > 0.5] > 0.5).mean() < 0.9:
                missed.append((path.name, name))
    assert not bare
    assert missed in ([], [("aflw2000_image02024.jpg", "white")])
