"""What is kept of an observation is enough to make it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drawn import RED, observe, picture
from maquette.core.types import Frame
from maquette.perception.tracking.sighting import MASK_SIDE, sighted

WHOLE = Frame(picture((RED, 60)), 0.4, "drawn")


def test_with_its_picture_it_is_the_same():
    one = observe(WHOLE)[0]
    again = sighted(one, 10).observation(WHOLE)
    np.testing.assert_array_equal(again.frame.pixels, one.frame.pixels)
    np.testing.assert_allclose(again.landmarks, one.landmarks, atol=1e-4)
    np.testing.assert_allclose(again.mask, one.mask, atol=0.01)
    for name in ("box", "landmark_confidence", "landmarks_metric", "full_size", "subject", "landmark_scheme", "notes"):
        assert np.array_equal(getattr(again, name), getattr(one, name)), name
    assert again.frame.time == 0.4 and again.frame.origin == "frame 10"


def test_a_large_one_is_kept_small_and_stays_in_its_place():
    small = observe(WHOLE)[0]
    pixels = np.repeat(np.repeat(WHOLE.pixels, 10, 0), 10, 1)
    crop = np.repeat(np.repeat(small.frame.pixels, 10, 0), 10, 1)
    mask = np.repeat(np.repeat(small.mask, 10, 0), 10, 1)
    large = replace(small, frame=Frame(crop, 0.4), box=small.box * 10, mask=mask, landmarks=small.landmarks * 10)
    kept = sighted(large, 0)
    assert len(kept.mask) < 4000, "bytes"
    without = kept.observation()
    assert max(without.mask.shape) == MASK_SIDE and not without.frame.pixels.any()
    scale = without.frame.size[0] / large.frame.size[0]
    np.testing.assert_allclose(without.landmarks, large.landmarks * scale, atol=1e-3)
    with_picture = kept.observation(Frame(pixels, 0.4))
    overlap = (with_picture.mask > 0.5) & (mask > 0.5)
    assert overlap.sum() > 0.98 * ((with_picture.mask > 0.5) | (mask > 0.5)).sum()


def test_the_rect_is_corner_and_sides():
    kept = sighted(replace(observe(WHOLE)[0], box=np.array([3.0, 5, 13, 45])), 0)
    assert kept.rect.tolist() == [3, 5, 10, 40]


def test_what_the_detector_does_not_report_is_zero():
    kept = sighted(replace(observe(WHOLE)[0], landmarks_metric=None), 0, ("blurred",))
    assert kept.metric.shape == (33, 3) and kept.flags == ("blurred",)
