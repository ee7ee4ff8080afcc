"""Bare skin on a face, and what stands before it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.types import Frame
from maquette.perception.faces import skin, topology
from maquette.perception.faces.observe import observe


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
