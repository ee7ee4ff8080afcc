"""Nobody is left out without a word."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.types import Frame, Observation, Subject
from maquette.perception.faces import observe as faces
from maquette.perception.limit import limited


def observation():
    frame, points = Frame(np.zeros((4, 4, 3), np.uint8)), np.zeros((478, 3))
    confidence, mask = np.ones(478), np.ones((4, 4), np.float32)
    return Observation(frame, np.array([0, 0, 4, 4.0]), Subject.FACE, points, "mediapipe478", confidence, mask)


@pytest.mark.parametrize("left_out", [-3, 0, 13])
def test_the_limit_is_said_once(left_out):
    seen = limited([observation() for _ in range(16)], left_out, "--max-faces")
    notes = [note for one in seen for note in one.notes]
    assert len(seen) == 16 and len(notes) == (left_out > 0)
    assert not notes or (notes[0].startswith("13 more were found") and "--max-faces" in notes[0])


def test_faces_say_it(astronaut):
    from PIL import Image

    from maquette.core.options import PerceptionOptions

    pixels = np.asarray(Image.open(astronaut).convert("RGB"))
    twice = np.hstack([pixels, pixels])
    seen = faces.observe(Frame(twice), PerceptionOptions(max_faces=1))
    assert len(seen) == 1 and "1 more were found" in seen[0].notes[-1]
