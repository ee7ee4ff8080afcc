"""People are found, one observation each, and what is no person is told in one line."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import NothingFound
from maquette.core.types import Frame, Subject
from maquette.perception.people.observe import observe_people


def test_a_picture_without_people_is_told_in_one_line():
    for pixels in (np.zeros((300, 400, 3), np.uint8), np.full((40, 60, 3), 255, np.uint8)):
        with pytest.raises(NothingFound, match="^wall.png: no person found") as told:
            observe_people(Frame(pixels, origin="wall.png"))
        assert "\n" not in str(told.value)


def test_the_astronaut_is_one_person(sample):
    (seen,) = observe_people(Frame(sample, origin="astronaut.png"))
    assert seen.subject is Subject.PERSON and seen.landmarks.shape == (33, 3) == seen.landmarks_metric.shape
    nose = seen.landmarks[0, :2] + seen.box[:2]
    assert np.linalg.norm(nose - [222, 120]) < 25
    height, width = seen.mask.shape
    x, y = seen.landmarks[0, :2].astype(int)
    assert (
        seen.mask[y, x] > 0.9
        and 0.3 < (seen.mask > 0.5).mean() < 0.9
        and (height, width) == seen.frame.pixels.shape[:2]
    )
