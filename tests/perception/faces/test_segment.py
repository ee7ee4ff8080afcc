"""Person mask, skin mask and quality on pictures whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.types import Frame
from maquette.perception.faces import segment, skin, topology
from maquette.perception.faces.observe import observe
from maquette.perception.faces.quality import measure

from ..conftest import enlarged


def test_mask_holds_the_head_and_not_the_sky(seen):
    """The astronaut before flag and shuttle: points read off the picture, full pixels."""
    x0, y0 = seen.box[:2].astype(int)
    for x, y in ((222, 90), (222, 190), (180, 60), (255, 60)):
        assert seen.mask[y - y0, x - x0] > 0.7, (x, y)
    for x, y in ((330, 20), (120, 30)):
        assert seen.mask[y - y0, x - x0] < 0.3, (x, y)


def test_edges_move_to_those_of_the_picture():
    """A disc known only from a 32 x 32 mask comes back to about a pixel."""
    y, x = np.mgrid[0:512, 0:512]
    truth = np.hypot(x - 250, y - 262) < 140
    rng = np.random.default_rng(0)
    guide = np.where(truth[..., None], (180, 120, 90), (40, 70, 120)) + rng.normal(0, 4, (512, 512, 3))
    coarse = cv2.resize(truth.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), 0.7)
    found = segment.refine_edges(np.clip(guide, 0, 255).astype(np.uint8), coarse) > 0.5
    wrong = (found != truth).sum()
    assert wrong / (2 * np.pi * 140) < 1.5  # pixels along the contour


def test_two_people_share_a_mask_by_nearness():
    mask = np.ones((200, 400), np.float32)
    face = np.zeros((478, 3))
    face[:, 0] = 100
    face[topology.CHIN, :2], face[:, 1] = (100, 130), 80
    face[topology.CHIN, 1] = 130
    other = face + np.array([200, 0, 0])
    kept = segment.only_subject(mask, face, [other])
    assert kept[100, 100] == 1 and kept[100, 300] == 0
    assert np.allclose(kept[100, 190:194], 1, atol=0.01) and np.allclose(kept[100, 208:], 0, atol=0.01)


def test_skin_is_where_the_face_is_bare(seen):
    cheeks = seen.landmarks[list(topology.RIGHT_CHEEK + topology.LEFT_CHEEK), :2].astype(int)
    assert np.median(seen.skin[cheeks[:, 1], cheeks[:, 0]]) > 0.9
    eyes = seen.landmarks[[topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0]], :2].astype(int)
    assert (seen.skin[eyes[:, 1], eyes[:, 0]] < 0.3).all()
    assert seen.skin[:10].max() == 0 and seen.skin[-10:].max() == 0


@pytest.mark.parametrize("colour", [(20, 20, 25), (40, 90, 160), (240, 240, 240)])
def test_something_before_the_face_is_not_skin(portrait, colour):
    before = observe(Frame(portrait))[0]
    hidden = portrait.copy()
    x, y = (before.landmarks[list(topology.LEFT_CHEEK), :2].mean(axis=0) + before.box[:2]).astype(int)
    cv2.circle(hidden, (int(x), int(y)), 11, colour, -1)
    bare = skin.skin_mask(hidden, before.landmarks + np.append(before.box[:2], 0), np.ones(478))
    assert bare[y - 4 : y + 4, x - 4 : x + 4].max() < 0.3
    assert bare[bare.shape[0] // 2 - 60 :, :].sum() > 0.5 * before.skin.sum()


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
