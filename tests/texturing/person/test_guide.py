"""What is known of the body under a surface."""

from __future__ import annotations

import numpy as np

from maquette.texturing.person.guide import BodyGuide, HeadFrame


def test_the_back_is_like_the_front_but_not_at_head_and_nape():
    head = HeadFrame(np.array([0.0, 1.6, 0]), np.eye(3), 0.15)
    points = np.array([[0.0, 1.6, -0.1], [0, 1.4, -0.08], [0, 1.1, -0.1], [0.1, 0.5, -0.1]])
    share = np.array([1.0, 0, 0, 0])
    guide = BodyGuide(head, share, 0 * share, np.full(4, -1, np.int32))
    assert np.allclose(guide.like_front(points), [0, 0, 1, 1], atol=0.06)


def test_without_a_head_only_its_share_tells():
    share = np.array([1.0, 0.25, 0])
    guide = BodyGuide(None, share, 0 * share, np.full(3, -1, np.int32))
    assert guide.like_front(np.zeros((3, 3))).tolist() == [0, 0.75, 1]
