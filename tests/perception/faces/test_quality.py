"""How good a photo of a face is, on pictures whose faults are known."""

from __future__ import annotations

import cv2
import numpy as np

from maquette.core.types import Frame
from maquette.perception.faces import skin
from maquette.perception.faces.observe import observe
from maquette.perception.faces.quality import measure

from ..conftest import enlarged


def test_sharpness_knows_blur_and_ignores_contrast_and_enlargement(portrait):
    sharp = measure(observe(Frame(portrait))[0]).sharpness
    blurred = measure(observe(Frame(cv2.GaussianBlur(portrait, (0, 0), 3.0)))[0]).sharpness
    flat = measure(observe(Frame((portrait * 0.6 + 40).astype(np.uint8)))[0]).sharpness
    larger = measure(observe(Frame(enlarged(portrait, 2.0)))[0]).sharpness
    assert blurred < 0.75 * sharp
    assert abs(flat - sharp) < 0.06
    assert abs(larger - sharp) < 0.06


def test_exposure_and_occlusion(portrait):
    seen = observe(Frame(portrait))[0]
    plain = measure(seen)
    assert 0.3 < plain.brightness < 0.8 and plain.dark < 0.15 and plain.bright < 0.1
    dark = measure(observe(Frame((portrait * 0.1).astype(np.uint8)))[0])
    assert dark.dark > 0.5 and dark.brightness < 0.1
    burnt = measure(observe(Frame(np.clip(portrait * 2.2, 0, 255).astype(np.uint8)))[0])
    assert burnt.bright > plain.bright + 0.1
    visor = portrait.copy()
    top, bottom = (seen.landmarks[[9, 2], 1] + seen.box[1]).astype(int)
    left, right = (seen.landmarks[[234, 454], 0] + seen.box[0]).astype(int)
    visor[top:bottom, left:right] = (15, 15, 20)
    masked = skin.skin_mask(visor, seen.landmarks + np.append(seen.box[:2], 0), np.ones(478))
    inside = skin.face_region(visor.shape, seen.landmarks + np.append(seen.box[:2], 0)) > 0.5
    assert 1 - masked[inside].mean() > plain.occlusion + 0.2
