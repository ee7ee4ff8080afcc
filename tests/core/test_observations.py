"""Observations of a clip are a sequence whose items are made when they are asked for."""

from __future__ import annotations

import pytest

from drawn import RED, observe, picture
from maquette.core.observations import Observations, in_motion
from maquette.core.types import Frame


def test_each_is_made_when_asked_for():
    made, said = [], []

    def make(index):
        made.append(index)
        return index

    frames = Observations(5, make, progress=said.append)
    assert len(frames) == 5 and not made
    assert frames[3] == 3 and frames[-1] == 4 and made == [3, 4]
    assert frames[1:4] == (1, 2, 3) and list(frames) == [0, 1, 2, 3, 4]
    frames.report(2)
    assert said == [2] and frames.key_frames == {}
    for index in (5, -6):
        with pytest.raises(IndexError, match="there are 5"):
            frames[index]


def test_only_frames_of_a_clip_are_in_motion():
    (photo,), (frame,) = (observe(Frame(picture((RED, 60)), time, "drawn")) for time in (None, 0.0))
    assert not in_motion([]) and not in_motion([photo]) and in_motion([frame])
