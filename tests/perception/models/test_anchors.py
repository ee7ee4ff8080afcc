"""The anchors of the detectors, and what is read from their tensors."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.models.anchors import FACE_ANCHORS, PERSON_ANCHORS, anchors, decode_faces, decode_persons


def test_anchors_cover_the_picture():
    places = anchors(224, PERSON_ANCHORS)
    assert places.shape == (2254, 2) and np.allclose(places.mean(axis=0), 0.5)
    assert np.allclose(places[0], 0.5 / 28) and np.allclose(places[-1], 1 - 0.5 / 7)
    assert len(anchors(128, FACE_ANCHORS["short"])) == 896 and len(anchors(192, FACE_ANCHORS["full"])) == 2304


def test_a_detection_is_counted_from_its_anchor():
    values, logits = np.zeros((2254, 12), np.float32), np.full(2254, -100.0, np.float32)
    values[700], logits[700] = [1, 2, 30, 40, 5, 6, 7, 8, 0, 0, 0, 0], 2.0
    (found,) = decode_persons(values, logits, 0.5)
    at = anchors(224, PERSON_ANCHORS)[700] * 224
    assert np.allclose(found.face - at, [1, 2]) and np.allclose(found.face_size, [30, 40])
    assert np.allclose(found.hips - at, [5, 6]) and np.allclose(found.rim - at, [7, 8])
    assert found.score == pytest.approx(1 / (1 + np.exp(-2)))
    assert decode_persons(values, logits, 0.95) == []


def test_guesses_of_one_face_are_averaged_by_score_and_others_stay_apart():
    values, logits = np.zeros((896, 16), np.float32), np.full(896, -100.0, np.float32)
    values[:, 2:4] = 40
    for index, logit, shift in ((300, 2.0, 0.0), (301, 1.0, 4.0), (0, 0.5, 0.0), (895, -2.0, 0.0)):
        values[index, 0] = values[index, 4] = shift
        logits[index] = logit
    sure, far = decode_faces(values, logits, "short", 0.5)
    score, other = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(-1.0))
    at = anchors(128, FACE_ANCHORS["short"])[300] * 128
    shift = 4 * other / (score + other)
    assert sure.score == pytest.approx(score) and np.allclose(
        sure.box, [*(at - 20), *(at + 20)] + shift * np.array([1, 0, 1, 0])
    )
    assert np.allclose(sure.keypoints[0], at + np.array([shift, 0])) and np.allclose(sure.keypoints[5], at)
    assert np.allclose((far.box[:2] + far.box[2:]) / 2, 4)
    assert len(decode_faces(values, logits, "short", 0.1)) == 3 and decode_faces(values, logits, "full", 0.999) == []
