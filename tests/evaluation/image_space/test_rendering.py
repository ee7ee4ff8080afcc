"""Maps moved between crops."""

from __future__ import annotations

import cv2
import numpy as np

from maquette.evaluation.image_space.rendering import resample_box


def test_maps_move_between_crops_by_their_pixels():
    values = np.arange(48, dtype=np.float32).reshape(6, 8)
    source = np.array([10.0, 20.0, 18.0, 26.0])
    same = resample_box(values, source, source, (8, 6), cv2.INTER_LINEAR)
    assert np.array_equal(same, values)
    part = resample_box(values, source, np.array([12.0, 21.0, 20.0, 27.0]), (8, 6), cv2.INTER_LINEAR)
    assert np.array_equal(part[:5, :6], values[1:, 2:]) and not part[5].any() and not part[:, 6:].any()
