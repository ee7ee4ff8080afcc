"""The colour of hair in pictures of heads that are drawn here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.types import Frame, Observation, Subject
from maquette.texturing.person.hair import SCHEME, hair_seen

SKIN, SHINE, WALL = (205, 160, 140), (252, 238, 225), (70, 150, 220)


def portrait(hair: tuple[int, int, int] | None, thick: int = 8, sure: float = 1.0) -> Observation:
    """A head with shining forehead, hair along its outline, and a wall that shines through the outline."""
    picture = np.full((200, 160, 3), WALL, np.uint8)
    mask = np.zeros((200, 160), np.float32)
    cv2.ellipse(mask, (80, 90), (42, 56), 0, 0, 360, 1.0, -1)
    cv2.ellipse(picture, (80, 90), (42, 56), 0, 0, 360, SKIN if hair is None else hair, -1)
    cv2.ellipse(picture, (80, 90 + thick), (42 - thick, 56 - thick // 2), 0, 0, 360, SKIN, -1)
    cv2.ellipse(picture, (80, 58), (20, 9), 0, 0, 360, SHINE, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.2)
    points = np.zeros((33, 3))
    points[[0, 2, 5, 9, 10], :2] = [[80, 95], [95, 80], [65, 80], [90, 112], [70, 112]]
    box = np.array([0.0, 0, 160, 200])
    return Observation(Frame(picture), box, Subject.PERSON, points, SCHEME, np.full(33, sure), mask)


@pytest.mark.parametrize("hair", [(40, 28, 20), (120, 60, 25), (28, 28, 30)])
@pytest.mark.parametrize("thick", [6, 20])
def test_hair_is_found_without_skin_shine_and_wall(hair, thick):
    assert np.abs(hair_seen(portrait(hair, thick)) - hair).max() < 30


def test_who_is_bald_has_no_hair():
    assert hair_seen(portrait(None)) is None


def test_a_face_that_is_not_seen_tells_no_hair():
    assert hair_seen(portrait((40, 28, 20), sure=0.1)) is None
