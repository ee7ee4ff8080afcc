"""A head's motion is checked when it is made."""

from dataclasses import replace

import numpy as np
import pytest

from results import make_motion


def test_times_rise_and_shapes_fit():
    motion = make_motion()
    assert len(motion) == 6
    with pytest.raises(ValueError, match="rising"):
        replace(motion, times=motion.times[::-1].copy())
    with pytest.raises((TypeError, ValueError), match=r"HeadMotion\.gaze"):
        replace(motion, gaze=np.zeros((6, 2)))
