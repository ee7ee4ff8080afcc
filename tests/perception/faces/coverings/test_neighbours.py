"""Whose pixels they are: side by side, and one head before another body, at every size, turn and side."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.perception.faces import topology
from maquette.perception.faces.coverings.neighbours import HeadAxis, share_of

SIDE = 480
BEHIND, BEFORE, SHIRT = (176, 130, 104), (92, 60, 40), (120, 130, 150)


def face_at(shape_of, centre, height, roll=0.0):
    """Landmarks (478, 3) of a real face, moved, scaled and turned in the picture."""
    flat = shape_of[:, :2] - shape_of[:, :2].mean(axis=0)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    scale = height / np.ptp(flat[:, 1])
    return np.column_stack([flat @ turn.T * scale + centre, shape_of[:, 2] * scale])


def head_mask(landmarks):
    """(SIDE, SIDE) bool: a head with its hair as an ellipse, a sixth larger than the face to all sides."""
    outline = cv2.convexHull(landmarks[:468, :2].astype(np.float32))[:, 0]
    middle = outline.mean(axis=0)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(
        drawn, np.round((outline - middle) * (1.16, 1.3) + middle - (0, 0.1 * np.ptp(outline[:, 1]))).astype(int), (1,)
    )
    return drawn > 0


def drawn_people(behind, before):
    """(SIDE, SIDE, 3) uint8 of two heads of two colours, one with shoulders; and the bool masks of both heads."""
    pixels = np.full((SIDE, SIDE, 3), (150, 170, 190), np.float64)
    chin = behind[topology.CHIN, :2]
    width = np.ptp(behind[:, 0])
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    pixels[(y > chin[1]) & (np.abs(x - chin[0]) < 0.3 * width + 0.9 * (y - chin[1]))] = SHIRT
    back, front = head_mask(behind), head_mask(before)
    pixels[back], pixels[front] = BEHIND, BEFORE
    pixels += np.random.default_rng(0).normal(0, 4, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), back & ~front, front


def test_two_side_by_side_part_in_the_middle():
    face = np.zeros((478, 3))
    face[:, :2] = 100, 80
    face[topology.CHIN, :2] = 100, 130
    share = share_of(np.zeros((200, 400, 3), np.uint8), face, [face + np.array([200, 0, 0])])
    assert share[100, 100] == 1 and share[100, 300] == 0
    assert np.allclose(share[100, 190:194], 1, atol=0.01) and np.allclose(share[100, 208:], 0, atol=0.01)


def test_alone_there_is_nothing_to_share(seen):
    assert share_of(seen.frame.pixels, seen.landmarks, []) is None


@pytest.mark.parametrize("roll", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("height", [90, 130, 170])
@pytest.mark.parametrize("aside", [-70, 0, 50])
def test_a_head_before_another_body_stays_whole(seen, aside, height, roll):
    """As in `10_behind.png`: the axis of the one behind runs through the head before."""
    behind = face_at(seen.landmarks, (240, 130), 130)
    before = face_at(seen.landmarks, (240 + aside, 200 + 0.75 * height), height, roll)
    pixels, back, front = drawn_people(behind, before)
    hers, his = share_of(pixels, before, [behind]), share_of(pixels, behind, [before])
    inside = cv2.erode(front.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (hers[inside] > 0.5).mean() > 0.97
    face = cv2.convexHull(before[:468, :2].astype(np.int32))
    hull = cv2.fillConvexPoly(np.zeros((SIDE, SIDE), np.uint8), face, (1,)) > 0
    assert (hers[hull] > 0.5).all() and his[hull].max() < 0.5
    bare = cv2.erode(back.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (his[bare] > 0.5).mean() > 0.96
    assert (his[inside] > 0.5).mean() < 0.03


def test_who_stands_behind():
    face = np.zeros((478, 3))
    face[:, :2] = 100, 80
    face[topology.CHIN, :2] = 100, 130
    upper, lower = HeadAxis.of(face), HeadAxis.of(face + np.array([0, 90, 0]))
    assert upper.is_behind(lower) and not lower.is_behind(upper)
    assert 0.4 < upper.end_at(lower) < 1.0 and np.isinf(lower.end_at(upper))
    beside = HeadAxis.of(face + np.array([45, 80, 0]))
    assert upper.is_behind(beside) and np.isinf(upper.end_at(beside))
    for apart in ((60, 0), (60, 10), (120, 40)):
        other = HeadAxis.of(face + np.array([*apart, 0]))
        assert not upper.is_behind(other) and not other.is_behind(upper)
