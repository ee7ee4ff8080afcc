"""The head parser's shapes and inputs, and the face that is drawn for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from maquette.perception.faces import topology
from maquette.perception.faces.parsing.network import (
    DRAWN_FACE,
    DRAWN_PARTS,
    Area,
    HeadParser,
    drawn_face,
    network_input,
)


@pytest.mark.parametrize("side", [32, 64, 96])
def test_the_answer_has_half_the_side_and_a_channel_per_part(side):
    network = HeadParser((4, 6, 8, 10, 12), (0, 1, 1, 1, 1)).eval()
    with torch.inference_mode():
        found = network(torch.zeros(2, 5, side, side))
    assert found.shape == (2, len(Area), side // 2, side // 2)


def test_neither_darkness_nor_haze_of_the_picture_is_seen():
    rng = np.random.default_rng(0)
    crops = torch.from_numpy(rng.integers(40, 200, (1, 3, 32, 32)).astype(np.uint8))
    other = torch.from_numpy(rng.integers(0, 256, (1, 32, 32)).astype(np.uint8))
    plain, hazy = (network_input(c, other, other) for c in (crops, crops // 2 + 90))
    assert plain.shape == (1, 5, 32, 32) and torch.equal(plain[:, 3:], hazy[:, 3:])
    assert (plain[:, :3] - hazy[:, :3]).abs().max() < 0.15
    assert plain[:, 3:].min() >= -1 and plain[:, 3:].max() <= 1


def test_the_drawn_face_shows_its_oval_and_its_parts(full_landmarks):
    drawn = drawn_face(full_landmarks, 512)
    centre = full_landmarks[list(topology.RIGHT_EYE), :2].mean(axis=0).astype(int)
    tip = full_landmarks[4, :2].astype(int)
    assert drawn[centre[1], centre[0]] == DRAWN_PARTS and drawn[tip[1], tip[0]] == DRAWN_FACE
    assert drawn[0, 0] == 0
    area = cv2.contourArea(full_landmarks[list(topology.FACE_OVAL), :2].astype(np.float32))
    assert (drawn > DRAWN_FACE / 2).sum() == pytest.approx(area, rel=0.04)


def test_landmarks_far_outside_are_drawn_without_complaint():
    assert drawn_face(np.full((478, 2), 1e7), 32).max() == 0
