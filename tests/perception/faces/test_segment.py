"""Person mask, skin mask and quality on pictures whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np

from maquette.perception.faces import segment, topology


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
