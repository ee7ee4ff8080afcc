"""The anchors of the person detector, and what is read from its tensors."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.models.anchors import decode_persons, person_anchors


def test_anchors_cover_the_picture():
    anchors = person_anchors()
    assert anchors.shape == (2254, 2) and np.allclose(anchors.mean(axis=0), 0.5)
    assert np.allclose(anchors[0], 0.5 / 28) and np.allclose(anchors[-1], 1 - 0.5 / 7)


def test_a_detection_is_counted_from_its_anchor():
    values, logits = np.zeros((2254, 12), np.float32), np.full(2254, -100.0, np.float32)
    values[700], logits[700] = [1, 2, 30, 40, 5, 6, 7, 8, 0, 0, 0, 0], 2.0
    (found,) = decode_persons(values, logits, 0.5)
    at = person_anchors()[700] * 224
    assert np.allclose(found.face - at, [1, 2]) and np.allclose(found.face_size, [30, 40])
    assert np.allclose(found.hips - at, [5, 6]) and np.allclose(found.rim - at, [7, 8])
    assert found.score == pytest.approx(1 / (1 + np.exp(-2)))
    assert decode_persons(values, logits, 0.95) == []
