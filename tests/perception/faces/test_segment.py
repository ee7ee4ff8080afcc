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


def test_only_what_hangs_together_with_the_face_is_kept():
    mask = np.zeros((200, 400), np.float32)
    mask[:, :150] = mask[:, 250:] = 1
    face = np.zeros((478, 3))
    face[list(topology.FACE_OVAL)] = [[60, 60, 0], [140, 60, 0], [140, 140, 0], [60, 140, 0]] * 9
    assert np.array_equal(segment.only_subject(mask, face, None) > 0.5, (mask > 0.5) & (np.arange(400) < 200))
    share = np.ones((200, 400), np.float32)
    share[:, 100:] = 0
    assert segment.only_subject(mask, face, share)[:, 101:].max() == 0
