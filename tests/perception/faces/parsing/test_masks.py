"""Masks of hair, beard and glasses: on a drawn person, on a photograph, and what they may not hold."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest

from maquette.perception.faces import topology
from maquette.perception.faces.parsing.masks import attached, head_masks, on_the_head
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.synthesis.types import Kind
from maquette.training.datasets import heads


@pytest.fixture(scope="module")
def drawn():
    """A photograph of somebody nobody trained with, the landmarks, and where the person is."""
    overrides = Overrides(yaw=0.3, sensor=Sensor(), frame=partial(heads.frame, size=256))
    sample = photograph_face(draw_person((3, 1, 0), 256, "test"), (3, 0), 256, 2, overrides=overrides)
    person = cv2.GaussianBlur((sample.kind != Kind.BACKGROUND).astype(np.float32), (0, 0), 1.0)
    return sample, sample.landmarks["mediapipe478"], person


def overlap(found, true):
    return (found & true).sum() / (found | true).sum()


def test_hair_of_a_drawn_person_is_found(drawn):
    sample, landmarks, person = drawn
    found = head_masks(sample.image, landmarks, person)
    hair = cv2.morphologyEx(np.uint8(sample.kind == Kind.HAIR), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    assert hair.mean() > 0.03 and overlap(found.hair > 0.5, hair) > 0.9
    assert found.hair.shape == found.glasses.shape == found.beard.shape == found.headwear.shape == sample.kind.shape
    assert all(m.dtype == np.float32 and 0 <= m.min() <= m.max() <= 1 for m in vars(found).values())


def test_hair_lies_within_the_person(drawn):
    sample, landmarks, person = drawn
    half = person.copy()
    half[:, :128] = 0
    assert head_masks(sample.image, landmarks, half).hair[:, :128].max() == 0


def test_a_photograph_has_hair_above_the_forehead_and_none_on_cheeks(seen):
    x, y = seen.landmarks[topology.FOREHEAD_TOP, :2]
    up = seen.landmarks[topology.FOREHEAD_TOP, :2] - seen.landmarks[topology.CHIN, :2]
    above = (np.array([x, y]) + 0.2 * up).astype(int)
    assert seen.hair[above[1], above[0]] > 0.8
    for index in (*topology.RIGHT_CHEEK, *topology.LEFT_CHEEK, *topology.NOSE):
        column, row = seen.landmarks[index, :2].astype(int)
        assert max(seen.hair[row, column], seen.beard[row, column], seen.glasses[row, column]) < 0.2


def test_a_larger_crop_has_the_same_masks(seen):
    factor = 3
    pixels = cv2.resize(seen.frame.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(seen.mask, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    large = head_masks(pixels, seen.landmarks * factor, mask)
    small = head_masks(seen.frame.pixels, seen.landmarks, seen.mask)
    shrunk = cv2.resize(large.hair, small.hair.shape[::-1], interpolation=cv2.INTER_AREA)
    assert overlap(shrunk > 0.5, small.hair > 0.5) > 0.94


def test_a_hat_is_worn_on_the_head_and_a_mask_is_not(full_landmarks):
    points = full_landmarks[:, :2]
    top, chin = points[topology.FOREHEAD_TOP], points[topology.CHIN]
    cover = np.zeros((512, 512), np.float32)
    cv2.circle(cover, tuple(int(v) for v in top - 0.1 * (chin - top)), 60, (1.0,), -1)
    hat = cover > 0
    cv2.circle(cover, tuple(int(v) for v in chin), 20, (1.0,), -1)  # over mouth and chin
    found = on_the_head(cover, points)
    assert found[hat].min() == 1 and found[int(chin[1]), int(chin[0])] == 0


def test_only_what_hangs_together_with_the_head_is_kept(full_landmarks):
    points = full_landmarks[:, :2]
    top = points[topology.FOREHEAD_TOP]
    hair = np.zeros((512, 512), np.float32)
    cv2.circle(hair, tuple(int(v) for v in top), 40, (1.0,), -1)
    own = hair > 0
    cv2.circle(hair, (470, 470), 30, (1.0,), -1)  # somebody else's
    kept = attached(hair, points)
    assert np.array_equal(kept > 0, own) and np.array_equal(attached(np.zeros_like(hair), points), 0 * hair)
