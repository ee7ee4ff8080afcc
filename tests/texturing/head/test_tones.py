"""Colours learned from a photo."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from maquette.core.types import Frame
from maquette.texturing.head.tones import distance_to, lab_of, learn_tones, rgb_of


def test_lab_and_back() -> None:
    colour = np.array([180.0, 120.0, 90.0])
    assert np.allclose(rgb_of(lab_of(colour.reshape(1, 1, 3))[0, 0]), colour, atol=1)


def test_brighter_skin_is_nearer_than_darker() -> None:
    middle, spread = np.array([150.0, 10, 10], np.float32), np.array([30.0, 8, 8], np.float32)
    step = np.array([40.0, 0, 0])
    brighter, darker = distance_to(np.array([middle + step, middle - step]), middle, spread)
    assert brighter < darker


def test_a_bald_head_is_bald_and_a_painted_wig_is_hair(photograph) -> None:
    seen, _ = photograph(0.0)
    assert learn_tones(seen).hairiness < 0.2
    pixels = seen.frame.pixels.copy()
    oval = cv2.convexHull(seen.landmarks[:468, :2].astype(np.float32))[:, 0].astype(np.int32)
    wig = (seen.mask > 0.5) & (cv2.fillConvexPoly(np.zeros(seen.mask.shape, np.uint8), oval, 1) == 0)
    pixels[wig] = [60, 40, 30]
    tones = learn_tones(replace(seen, frame=Frame(pixels)))
    assert tones.hairiness > 0.8
    assert np.allclose(rgb_of(tones.hair), [60, 40, 30], atol=4)


def test_a_pale_hat_far_above_dark_hair_is_not_the_hair(photograph) -> None:
    seen, _ = photograph(0.0)
    pixels = seen.frame.pixels.copy()
    oval = cv2.convexHull(seen.landmarks[:468, :2].astype(np.float32))[:, 0].astype(np.int32)
    face = cv2.fillConvexPoly(np.zeros(seen.mask.shape, np.uint8), oval, 1)
    outside = (seen.mask > 0.5) & (face == 0)
    away = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5)
    pixels[outside] = [235, 225, 205]
    pixels[outside & (away < 0.09 * np.ptp(oval[:, 1]))] = [40, 30, 25]
    tones = learn_tones(replace(seen, frame=Frame(pixels)))
    assert np.allclose(rgb_of(tones.hair), [40, 30, 25], atol=6)
